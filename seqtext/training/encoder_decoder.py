"""LightningModule around the encoder-decoder: loss, validation, optimizer, checkpoint."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.checkpoint.consent import trusting
from seqtext.console import say
from seqtext.data.batch import Batch
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator, texts
from seqtext.metrics import BleuTokenize, Task, check_bleu_tokenize, default_bleu_tokenize
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.training.module import TextModule
from seqtext.training.optimizer import OptimizerConfig
from seqtext.training.pretrained import (
    PARTS,
    freeze,
    inherit,
    load_parts,
    parts_of,
)
from seqtext.training.validation import validation_scores
from seqtext.training.vectors import load_vectors
from seqtext.values import check_arguments


class EncoderDecoderModule(TextModule):
    """Trains an ``EncoderDecoder`` on batches of pairs.

    Args:
        network: Sizes and kinds.
        optimizer: How weights are updated.
        label_smoothing: Share of the target distribution spread over all pieces (Szegedy et al. 2016).
        coverage_loss: Weight of the loss for attending to the same place again (See et al. 2017, eq. 13).
        task: What outputs are judged by: ``translation`` (``val_bleu``), ``summarization``
            (``val_rouge2`` as well), ``code`` (``val_exact_match`` as well), ``transduction`` (``val_wer``).
            Also of ``seqtext test``. Default: that of ``init_from``, else ``translation``.
        decode_sentences: Validation sentences decoded greedily for these; 0 decodes none.
        bleu_tokenize: What the n-grams of ``val_bleu`` are made of: ``13a`` (words), ``intl``, ``char``
            or ``zh`` (languages without spaces), ``ja-mecab``, ``ko-mecab``, ``none`` (text that is
            tokenized already). Also of ``seqtext test``. Default: that of ``init_from``, else ``none``
            for the task ``code`` and ``13a`` for others.
        seed: Of the first weights and of dropout.
        init_from: A checkpoint or run folder to start from: its network and its tokenizers are taken
            over. Options may change what regularizes; one that contradicts the checkpoint is refused.
        init_parts: Copy only these parts of ``init_from``, in a list or separated by commas:
            ``embeddings``, ``encoder``, ``attention``, ``decoder``, ``output``. Network and tokenizers
            are then those of the options; embeddings and output layer are copied piece by piece.
        source_vectors: A file of word vectors (word2vec's or fastText's text format) that the embeddings
            of the source pieces which are words start with.
        target_vectors: Likewise for the target.
        freeze: Parts, likewise, whose weights stay as they are. A tied output layer has the weights of
            the embeddings.

    Raises:
        ConfigError: A value is out of range, two contradict each other, or ``bleu_tokenize`` lacks its
            packages.
        CheckpointError: ``init_from`` cannot be read.
    """

    network: EncoderDecoder | None
    tokenizers: Tokenizers | None
    reads, data_module = Tokenizers, "PairsDataModule"

    def __init__(
        self,
        *,
        network: NetworkConfig = NetworkConfig(),  # noqa: B008 (frozen)
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 (frozen)
        label_smoothing: float = 0.1,
        coverage_loss: float = 0.0,
        task: Task | None = None,
        decode_sentences: int = 500,
        bleu_tokenize: BleuTokenize | None = None,
        seed: int = 1,
        init_from: str | None = None,
        init_parts: str | list[str] | None = None,
        source_vectors: str | None = None,
        target_vectors: str | None = None,
        freeze: str | list[str] | None = None,
    ) -> None:
        check_arguments(EncoderDecoderModule.__init__, locals(), "model.")
        super().__init__(optimizer, seed)
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing: {label_smoothing}, expected 0 <= x < 1")
        if not 0 <= coverage_loss < float("inf"):
            raise ConfigError(f"coverage_loss: {coverage_loss}, expected at least 0")
        if coverage_loss and network.cell == "transformer":
            raise ConfigError("coverage_loss: a transformer has no single attention to cover with")
        if not 0 <= decode_sentences <= 500:
            raise ConfigError(f"decode_sentences: {decode_sentences}, expected 0 to 500")
        if init_parts and init_from is None:
            raise ConfigError("init_parts: of what? Name a checkpoint with init_from")
        self.config: NetworkConfig = network
        self.label_smoothing = label_smoothing
        self.coverage_loss = coverage_loss
        self.decode_sentences = decode_sentences
        with trusting([network.cell]):
            self._pretrained = None if init_from is None else checkpoint.load(init_from)
        self.fine_tunes = init_from is not None
        self._init_parts = parts_of("init_parts", init_parts)
        self._freeze = parts_of("freeze", freeze)
        self._vectors = {"source": source_vectors, "target": target_vectors}
        copied = "embeddings" in (self._init_parts or PARTS)
        for side, path in self._vectors.items():
            if path is not None and init_from is not None and copied:
                raise ConfigError(
                    f"{side}_vectors: model.init_from brings embeddings already; leave one of the two out, or"
                    " choose other parts with model.init_parts"
                )
            if path is not None and not os.path.isfile(path):
                raise ConfigError(f"{side}_vectors: {path}: no such file")
        self._inherited: list[str] = []  # what the checkpoint's network has that was not asked for
        if self._pretrained is not None and not self._init_parts:
            self.config = inherit(self._pretrained.config, network)
            self._inherited = [
                f"network.{name} {value}"
                for name, value in vars(self.config).items()
                if value != getattr(network, name)
            ]
            self.tokenizers = self._pretrained.tokenizers
        self.config.check_cell()
        self._limit_before = None if self._pretrained is None else self._pretrained.source_limit
        before: Any = None if self._pretrained is None else self._pretrained.task
        self.task: Task = task or before or "translation"
        known: Any = None if self._pretrained is None else self._pretrained.scoring.bleu_tokenize
        self.bleu_tokenize: BleuTokenize = (
            bleu_tokenize or known or default_bleu_tokenize(self.task)
        )
        check_bleu_tokenize(self.bleu_tokenize)
        self._val_scores: Any = validation_scores(self.task, self.bleu_tokenize)

    @property
    def scores(self) -> list[str]:
        """Names of what validation logs of decoded text, the task's own score the last."""
        return list(self._val_scores)

    # --- building -----------------------------------------------------------------------------------

    def configure_model(self) -> None:
        """Build the network for the data module's tokenizers, once."""
        super().configure_model()
        if self._limit_before not in (None, self.source_limit):
            now = "all" if self.source_limit is None else f"{self.source_limit:,}"
            say(
                f"init_from: that model reads {self._limit_before:,} pieces of a source at most, this one"
                f" {now} (data.truncate_sources)"
            )
            self._limit_before = None

    def build(self, tokenizers: Tokenizers) -> None:
        """Build the network, the same on every rank."""
        self.tokenizers = tokenizers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = EncoderDecoder(self.config, *tokenizers.sizes, tokenizers.unknown)
        if self.config.copying:
            self.network.copy_ids.copy_(torch.tensor(tokenizers.copy_ids()))
        if self._pretrained is not None:
            parts = self._init_parts or PARTS
            more = tokenizers.target.vocab_size - self._pretrained.tokenizers.target.vocab_size
            if not self._init_parts and more and "embeddings" in self._freeze:
                raise ConfigError(
                    f"freeze: embeddings, but {more:,} pieces are new and would never learn; leave"
                    " embeddings out, or tokenizer.new_pieces, tokenizer.symbols and tags"
                )
            shares = load_parts(self.network, tokenizers, self._pretrained, parts)
            self._pretrained = None
            told = "".join(f", {share:.0%} of the {side} pieces" for side, share in shares.items())
            if not self._init_parts:
                told = f"; from it {', '.join(self._inherited)}" if self._inherited else ""
            say(f"init_from: {', '.join(parts)}{told}")
        self._load_vectors(self.network, tokenizers)
        freeze(self.network, self._freeze)

    def _load_vectors(self, network: EncoderDecoder, tokenizers: Tokenizers) -> None:
        embeddings = {"source": network.encoder.embedding, "target": network.decoder.embedding}
        for side, path in self._vectors.items():
            if path is not None:
                tokenizer: Tokenizer = getattr(tokenizers, side)
                weight = embeddings[side].weight
                count = load_vectors(weight, tokenizer, path, f"model.{side}_vectors")
                say(
                    f"vectors: {count:,} of {tokenizer.vocab_size:,} {side} pieces start with one of {path}"
                )

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        assert self.network is not None
        extra = (self.label_smoothing, self.coverage_loss) if self.training else ()
        return self.network.loss(*batch, *extra), (batch.labels >= 0).sum()

    def _described(self) -> dict[str, Any]:
        assert self.tokenizers is not None
        return checkpoint.describe(
            self.task,
            self.config,
            self.tokenizers,
            self.columns,
            self.source_limit,
            self.longest_source,
            self.bleu_tokenize,
        )

    # --- validation ---------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        """Decode sentences. At the epoch's end weight averaging has swapped the weights back."""
        if self.decode_sentences:
            self._decode_validation()

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``, and the task's scores of freely decoded sentences."""
        super().on_validation_epoch_end()
        if self.decode_sentences:
            for name, score in self._val_scores.items():
                self.log(name, 100 * score.compute())
                score.reset()

    def _decode_validation(self) -> None:
        assert self.network is not None
        assert self.tokenizers is not None
        pairs = self.trainer.datamodule.validation_examples(  # type: ignore[attr-defined]
            self.decode_sentences, merged=self.task == "transduction"
        )
        pairs = pairs[self.global_rank :: self.trainer.world_size]
        generator = Generator([self.network], self.tokenizers, source_limit=self.source_limit)
        hypotheses = texts(generator.generate([source for source, _ in pairs], beam_size=1))
        for score in self._val_scores.values():
            score.update(hypotheses, [references for _, references in pairs])
        self.samples = [
            (source, references[0], text)
            for (source, references), text in zip(pairs, hypotheses, strict=True)
        ]

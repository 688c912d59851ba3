"""LightningModule of pairs: builds the encoder-decoder, its loss, the scores of decoded text."""

from __future__ import annotations

import os
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.checkpoint import Model
from seqtext.checkpoint.consent import trusting
from seqtext.console import say
from seqtext.data.batch import Batch
from seqtext.data.hyperparameters import plain_options
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import ConfigError
from seqtext.metrics import BleuTokenize, check_bleu_tokenize
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig
from seqtext.search.stored import changed_options, check_stored, override
from seqtext.tasks import (
    DEFAULT_BLEU_TOKENIZE,
    TEXT_TASKS,
    TRANSLATION,
    TaskName,
)
from seqtext.training.config import PARTS, OptimizerConfig, parts_of
from seqtext.training.decoding import DecodingModule
from seqtext.training.pretrained import freeze, inherit, load_parts
from seqtext.training.vectors import load_vectors
from seqtext.values import Range, check_arguments


class EncoderDecoderModule(DecodingModule):
    """Trains an ``EncoderDecoder`` on batches of pairs.

    Args:
        network: Sizes and kinds.
        optimizer: How weights are updated.
        label_smoothing: Share of the target distribution spread over all pieces (Szegedy et al. 2016).
        coverage_loss: Weight of the loss for attending to the same place again (See et al. 2017, eq. 13).
        task: What scores the outputs, in validation and in ``seqtext test``: ``translation``,
            ``summarization``, ``code`` or ``transduction``. Default: that of ``init_from``, else
            ``translation``.
        decode_sentences: Validation sentences that are decoded greedily for these scores. 0 decodes none.
        bleu_tokenize: What BLEU counts in validation and in ``seqtext test``. Words: ``13a`` or ``intl``.
            Characters, for languages without spaces: ``char`` or ``zh``. Japanese or Korean words:
            ``ja-mecab``, ``ko-mecab``. Tokenized text: ``none``. Default: that of ``init_from``, else
            ``none`` for the task ``code`` and ``13a`` for others.
        search: How ``seqtext test`` and ``seqtext generate`` decode, where an option of theirs is not given:
            the search that scores were measured with. Validation is greedy all the same. Default of each
            field: that of ``init_from``, else ours.
        seed: Of the first weights and of dropout.
        init_from: A checkpoint or run folder to start from. Its network and its tokenizers are taken
            over. Options may change what regularizes. An option that contradicts it is refused.
        init_parts: Copy only these parts of ``init_from``, in a list or separated by commas:
            ``embeddings``, ``encoder``, ``attention``, ``decoder``, ``output``. Network and tokenizers
            are then those of the options. Embeddings and output layer are copied piece by piece.
        source_vectors: A file of word vectors (word2vec's or fastText's text format). The embeddings of
            source pieces that are words start with them.
        target_vectors: Likewise for the target.
        freeze: Parts, likewise, whose weights stay as they are. A tied output layer has the weights of
            the embeddings.

    Raises:
        ConfigError: A value is out of range, two contradict each other, or ``bleu_tokenize`` lacks its
            packages.
        CheckpointError: ``init_from`` cannot be read.
    """

    config: NetworkConfig
    reads, data_module = Tokenizers, "PairsDataModule"
    configs: ClassVar = {
        "network": NetworkConfig, "optimizer": OptimizerConfig, "search": SearchConfig,
    }  # fmt: skip

    def __init__(
        self,
        *,
        network: NetworkConfig = NetworkConfig(),  # noqa: B008 (frozen)
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 (frozen)
        label_smoothing: Annotated[float, Range(0, below=1)] = 0.1,
        coverage_loss: Annotated[float, Range(0)] = 0.0,
        task: TaskName | None = None,
        decode_sentences: Annotated[int, Range(0, 500)] = 500,
        bleu_tokenize: BleuTokenize | None = None,
        search: SearchConfig = SearchConfig(),  # noqa: B008 (frozen)
        seed: int = 1,
        init_from: str | None = None,
        init_parts: str | list[str] | None = None,
        source_vectors: str | None = None,
        target_vectors: str | None = None,
        freeze: str | list[str] | None = None,
    ) -> None:
        check_arguments(EncoderDecoderModule.__init__, locals(), "model.")
        super().__init__(network, optimizer, seed)
        self.begin_evaluation()
        if coverage_loss and not network.is_recurrent:
            raise ConfigError("coverage_loss: a transformer has no single attention to cover with")
        self.label_smoothing = label_smoothing
        self.coverage_loss = coverage_loss
        self.decode_sentences = decode_sentences
        self._freeze = parts_of("freeze", freeze)
        self._vectors = {"source": source_vectors, "target": target_vectors}
        self._init_parts = parts_of("init_parts", init_parts)
        check_stored(search)
        self.search = search
        self._inherited: list[str] = []  # what the checkpoint has that was not asked for
        self._pretrained = before = self._take_over(init_from)
        self.config.check_cell()
        self.fine_tunes = before is not None
        self._limit_before = before.source_limit if before else None
        self.task = TEXT_TASKS[task or (before.task if before else TRANSLATION.name)]
        known = before.scoring.bleu_tokenize if before and before.scoring else None
        self.bleu_tokenize: BleuTokenize = (
            bleu_tokenize or known or self.task.bleu_tokenize or DEFAULT_BLEU_TOKENIZE
        )
        check_bleu_tokenize(self.bleu_tokenize)

    def _take_over(self, init_from: str | None) -> Model | None:
        """The model to start from. Without ``init_parts`` its configuration and tokenizers are taken."""
        if self._init_parts and init_from is None:
            raise ConfigError("init_parts: of what? Name a checkpoint with init_from")
        copied = "embeddings" in (self._init_parts or PARTS)
        for side, path in self._vectors.items():
            if path is not None and init_from is not None and copied:
                raise ConfigError(
                    f"{side}_vectors: model.init_from brings embeddings already; leave one of the two out, or"
                    " choose other parts with model.init_parts"
                )
            if path is not None and not os.path.isfile(path):
                raise ConfigError(f"{side}_vectors: {path}: no such file")
        if init_from is None:
            return None
        with trusting([self.config.cell]):
            model = checkpoint.load(init_from)
        if not self._init_parts:
            given = self.config
            self.config = inherit(model.config, given)
            self._inherited = [
                f"network.{name} {value}"
                for name, value in vars(self.config).items()
                if value != getattr(given, name)
            ]
            self.tokenizers = model.tokenizers
        chosen = changed_options(self.search)
        self.search = override(model.search, chosen)
        self._inherited += [
            f"search.{name} {value}"
            for name, value in changed_options(model.search).items()
            if name not in chosen
        ]
        return model

    @classmethod
    def described_options(cls, model: Model) -> dict[str, object]:
        """Network and scores. Weights come from the checkpoint, and not from where its training began."""
        known = {"bleu_tokenize": model.scoring.bleu_tokenize} if model.scoring else {}
        beginnings = ("init_from", "init_parts", "source_vectors", "target_vectors")
        configs = plain_options({"network": model.config, "search": model.search})
        return {**configs, **known, "task": model.task, **dict.fromkeys(beginnings)}

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
            told = ", ".join(parts)
            if self._init_parts:
                told += "".join(
                    f", {share:.0%} of the {side} pieces" for side, share in shares.items()
                )
            if self._inherited:
                told += f"; from it {', '.join(self._inherited)}"
            say(f"init_from: {told}")
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

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the next target piece at every position, (B, T, V) for ``batch.target_input``."""
        assert self.network is not None
        logits: Tensor = self.network(batch.source, batch.source_lengths, batch.target_input)
        return logits

    def loss_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Summed loss, and the number of target pieces."""
        assert self.network is not None
        extra = (self.label_smoothing, self.coverage_loss) if self.training else ()
        return self.network.loss(*batch, *extra), (batch.labels >= 0).sum()

    def describe(self) -> dict[str, Any]:
        """The part of a checkpoint that makes it a whole model."""
        assert self.tokenizers is not None
        return checkpoint.describe(
            self.task.name,
            self.config,
            self.tokenizers,
            self.columns,
            self.source_limit,
            self.longest_source,
            self.scoring,
            self.search,
        )

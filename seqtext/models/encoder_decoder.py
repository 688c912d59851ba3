"""LightningModule around the encoder-decoder: loss, validation, optimizer, checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, get_args

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer

from seqtext import checkpoint
from seqtext.console import say
from seqtext.data.batch import Batch
from seqtext.data.corpus import Corpus
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import ConfigError, TrainingError
from seqtext.generate import Generator, texts
from seqtext.metrics import BleuTokenize, Task, check_bleu_tokenize
from seqtext.models import optimizer
from seqtext.models.optimizer import OptimizerConfig
from seqtext.models.pretrained import (
    PARTS,
    freeze,
    inherit,
    load_parts,
    parts_of,
    refuse_other_network,
)
from seqtext.models.validation import validation_scores
from seqtext.models.vectors import load_vectors
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder


class EncoderDecoderModule(LightningModule):
    """Trains an ``EncoderDecoder`` on batches of pairs.

    The network is built in ``setup``, when the data module knows its tokenizers, and lives in
    ``network``; nothing else here is needed to decode.

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
            tokenized already).
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

    def __init__(
        self,
        *,
        network: NetworkConfig = NetworkConfig(),  # noqa: B008 (frozen)
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 (frozen)
        label_smoothing: float = 0.1,
        coverage_loss: float = 0.0,
        task: Task | None = None,
        decode_sentences: int = 500,
        bleu_tokenize: BleuTokenize = "13a",
        seed: int = 1,
        init_from: str | None = None,
        init_parts: str | list[str] | None = None,
        source_vectors: str | None = None,
        target_vectors: str | None = None,
        freeze: str | list[str] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing: {label_smoothing}, expected 0 <= x < 1")
        if not 0 <= coverage_loss < float("inf"):
            raise ConfigError(f"coverage_loss: {coverage_loss}, expected at least 0")
        if not 0 <= decode_sentences <= 500:
            raise ConfigError(f"decode_sentences: {decode_sentences}, expected 0 to 500")
        check_bleu_tokenize(bleu_tokenize)
        if task is not None and task not in get_args(Task):
            raise ConfigError(f"task: {task!r}, expected one of {', '.join(get_args(Task))}")
        if init_parts and init_from is None:
            raise ConfigError("init_parts: of what? Name a checkpoint with init_from")
        self.config = network
        self.optimizer_config = optimizer
        self.label_smoothing = label_smoothing
        self.coverage_loss = coverage_loss
        self.decode_sentences = decode_sentences
        self.seed = seed
        self.network: EncoderDecoder | None = None
        self.tokenizers: Tokenizers | None = None
        self._pretrained = None if init_from is None else checkpoint.load(init_from)
        self.fine_tunes = init_from is not None
        self.bleu_tokenize: BleuTokenize = bleu_tokenize
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
            if path is not None and not Path(path).is_file():
                raise ConfigError(f"{side}_vectors: {path}: no such file")
        if self._pretrained is not None and not self._init_parts:
            self.config = inherit(self._pretrained.config, network)
            self.tokenizers = self._pretrained.tokenizers
        self.columns = ("source", "target")
        self.source_limit: int | None = None  # pieces of a source that are read
        self._limit_before = None if self._pretrained is None else self._pretrained.source_limit
        self.samples: list[tuple[str, str, str]] = []  # source, reference, hypothesis
        self._window_tokens: Tensor | int = 0  # of this rank, since the last update
        self._train_totals: Tensor | float = 0.0  # (loss, pieces) of this rank, see train_totals
        self._norms: Tensor | float = (
            0.0  # (sum of the gradients' norms, updates), see gradient_norm
        )
        self._batch: Batch | None = None  # at hand
        self._place = 0, 0  # its epoch and number
        self._val_totals: Tensor | float = 0.0  # likewise, of the validation at hand
        self._plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        before: Any = None if self._pretrained is None else self._pretrained.task
        self.task: Task = task or before or "translation"
        self._val_scores: Any = validation_scores(self.task, bleu_tokenize)

    @property
    def scores(self) -> list[str]:
        """Names of what validation logs of decoded text, the task's own score the last."""
        return list(self._val_scores)

    # --- building -----------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Build the network for the data module's tokenizers."""
        if self.network is None:
            self.build(self.trainer.datamodule.tokenizers)  # type: ignore[attr-defined]
            self.columns = self.trainer.datamodule.columns  # type: ignore[attr-defined]
        self.source_limit = getattr(self.trainer.datamodule, "source_limit", None)  # type: ignore[attr-defined]
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
            say(f"init_from: {', '.join(parts)}{told if self._init_parts else ''}")
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

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimizer and schedule."""
        built, schedule = optimizer.build(self.optimizer_config, self, self._total_steps())
        if isinstance(schedule, torch.optim.lr_scheduler.LambdaLR):
            return {"optimizer": built, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
        self._plateau = schedule
        return built

    def _total_steps(self) -> int:
        # Lightning's own estimate would build the training loader before a checkpoint's position in
        # it is restored
        if self.optimizer_config.schedule != "cosine":
            return 0
        if self.optimizer_config.total_steps:
            return self.optimizer_config.total_steps
        trainer, limits = self.trainer, []
        if trainer.max_steps > 0:
            limits.append(trainer.max_steps)
        updates = trainer.datamodule.updates_per_epoch()  # type: ignore[attr-defined]
        if updates and trainer.max_epochs and trainer.max_epochs > 0:
            limits.append(trainer.max_epochs * updates)
        if not limits:
            unknown = "" if updates else " (those of an epoch are not known with data.streaming)"
            raise ConfigError(
                "optimizer.schedule: cosine needs to know the number of updates; set trainer.max_steps or"
                f" optimizer.total_steps{unknown or ', or trainer.max_epochs'}"
            )
        return min(limits)

    # --- training -----------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        """Where a run is gone on with, the options given now win over those saved."""
        schedule = self._plateau or self.lr_schedulers()
        optimizer.apply(self.optimizer_config, self.trainer.optimizers[0], schedule)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout by position, so that a resumed run draws what it would have drawn."""
        key = f"{self.seed}/{self.global_rank}/{self.current_epoch}/{batch_idx}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss summed over this batch's pieces; see ``on_before_optimizer_step``."""
        loss, tokens = self._loss(batch)
        self._batch, self._place = batch, (self.current_epoch, batch_idx)
        if not torch.isfinite(loss):
            raise self._diverged("the loss")
        self._window_tokens = self._window_tokens + tokens
        self._train_totals = self._train_totals + _totals(loss, tokens)
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Turn gradients of sums into those of the mean over all pieces of the update.

        Backward passes have summed over pieces; Lightning has divided by its number of accumulation
        steps, and DDP by the number of ranks. What is wanted is the sum over all ranks and steps
        divided by the pieces of all of them, whatever their number, a short last window included.
        """
        tokens = torch.as_tensor(self._window_tokens, dtype=torch.float32, device=self.device)
        tokens = self.trainer.strategy.reduce(tokens, reduce_op="sum")
        self._window_tokens = 0
        scale = self.trainer.accumulate_grad_batches * self.trainer.world_size / tokens
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, scale)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm, or by value; note the norm before.

        Raises:
            TrainingError: The norm is no number; no weight has changed yet.

        Done here because Lightning refuses to clip for a fused optimizer under mixed precision, on
        account of a loss scaling that bfloat16 does not need.
        """
        by_value = gradient_clip_algorithm == "value"
        largest = gradient_clip_val if gradient_clip_val and not by_value else torch.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), largest)
        if not torch.isfinite(norm):
            raise self._diverged("the gradient")
        if gradient_clip_val and by_value:
            torch.nn.utils.clip_grad_value_(self.parameters(), gradient_clip_val)
        self._norms = self._norms + torch.stack([norm, torch.ones_like(norm)])

    def _diverged(self, what: str) -> TrainingError:
        """What to say, with the sentences that do it, as far as that can be told."""
        assert self.network is not None
        assert self.tokenizers is not None
        assert self._batch is not None
        batch, (epoch, number) = self._batch, self._place
        with torch.no_grad():
            rows = [Batch(*(part[i : i + 1] for part in batch)) for i in range(len(batch.source))]
            bad = [one for one in rows if not torch.isfinite(self.network.loss(*one))]
        source, known = self.tokenizers.source, self.tokenizers.source.vocab_size
        texts = [
            source.decode([i for i in one.source[0, : one.source_lengths[0]].tolist() if i < known])
            for one in (bad or rows)[:3]
        ]
        which = (
            f"{len(bad)} of its {len(rows)} sentences do it alone"
            if bad
            else "no sentence does it alone"
        )
        return TrainingError(
            f"{what} is no number (nan or infinite) in epoch {epoch + 1}, batch {number + 1}; {which}, the"
            f" first: {' | '.join(texts)}. Checkpoints written before are good: go on from them (--resume)"
            " with a lower optimizer.learning_rate, or with trainer.precision 32-true"
        )

    def gradient_norm(self) -> float:
        """Mean norm of the gradients before clipping since the last call, of this rank's updates."""
        if not isinstance(self._norms, Tensor):
            return 0.0
        total, updates = self._norms.tolist()
        self._norms = 0.0
        return float(total / updates)

    def train_totals(self) -> tuple[float, int]:
        """Loss per piece, and number of pieces, since the last call, over all ranks."""
        loss, pieces = self._over_all_ranks(self._train_totals)
        self._train_totals = 0.0
        return loss / pieces, int(pieces)

    def _over_all_ranks(self, totals: Tensor | float) -> tuple[float, float]:
        totals = torch.as_tensor(totals, device=self.device)
        loss, pieces = self.trainer.strategy.reduce(totals, reduce_op="sum").tolist()
        return loss, pieces

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        assert self.network is not None
        extra = (self.label_smoothing, self.coverage_loss) if self.training else ()
        loss = self.network.loss(*batch, *extra)
        return loss, (batch.labels >= 0).sum()

    # --- validation ---------------------------------------------------------------------------------

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect the loss per piece, without smoothing."""
        self._val_totals = self._val_totals + _totals(*self._loss(batch))

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``, and the task's scores of freely decoded sentences."""
        loss, pieces = self._over_all_ranks(self._val_totals)
        self._val_totals = 0.0
        self.log("val_loss", loss / pieces)
        if self._plateau is not None and not self.trainer.sanity_checking:
            self._plateau.step(loss / pieces)
        if self.decode_sentences:
            self._decode_validation()
            for name, score in self._val_scores.items():
                self.log(name, 100 * score.compute())
                score.reset()

    def _decode_validation(self) -> None:
        assert self.network is not None
        assert self.tokenizers is not None
        pairs = self.trainer.datamodule.validation_examples(self.decode_sentences)  # type: ignore[attr-defined]
        if self.task == "transduction":
            pairs = Corpus.merged(pairs)
        pairs = pairs[self.global_rank :: self.trainer.world_size]
        generator = Generator([self.network], self.tokenizers, source_limit=self.source_limit)
        hypotheses = texts(generator.generate([source for source, _ in pairs], beam_size=1))
        for score in self._val_scores.values():
            score.update(hypotheses, [references for _, references in pairs])
        self.samples = [
            (source, references[0], text)
            for (source, references), text in zip(pairs, hypotheses, strict=True)
        ]

    # --- checkpoint ---------------------------------------------------------------------------------

    def on_save_checkpoint(self, content: dict[str, Any]) -> None:
        """Add what makes the checkpoint a whole model."""
        assert self.tokenizers is not None
        content["seqtext"] = checkpoint.describe(
            self.task, self.config, self.tokenizers, self.columns, self.source_limit
        )
        content["seqtext_accumulation"] = self.trainer.accumulate_grad_batches
        if self._plateau is not None:
            content["seqtext_plateau"] = self._plateau.state_dict()

    def on_load_checkpoint(self, content: dict[str, Any]) -> None:
        """Build the checkpoint's network; where there is one already, refuse weights of another."""
        model = checkpoint.unpack(content, "checkpoint")
        if self.network is None:
            self.config, self.columns = model.config, model.columns
            self.build(model.tokenizers)
        refuse_other_network(model.config, self.config)
        if self._plateau is not None and "seqtext_plateau" in content:
            self._plateau.load_state_dict(content["seqtext_plateau"])
        if "loops" in content and self._trainer is not None:
            _count_in(content, self.trainer.accumulate_grad_batches)


def _totals(loss: Tensor, tokens: Tensor) -> Tensor:
    return torch.stack([loss.detach().float(), tokens.float()])


def _count_in(content: dict[str, Any], accumulation: int) -> None:
    """Tell a checkpoint's position, which counts batches, for another accumulation of gradients."""
    before = content["seqtext_accumulation"]
    if accumulation == before:
        return
    loop = content["loops"]["fit_loop"]
    for progress in loop["epoch_loop.batch_progress"].values():
        if isinstance(progress, dict):
            for name, batches in progress.items():
                progress[name] = batches // before * accumulation
    for loader in loop["state_dict"]["combined_loader"]:
        loader["position"] = loader["position"] // before * accumulation

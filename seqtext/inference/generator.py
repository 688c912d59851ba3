"""Text to text, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtext import checkpoint
from seqtext.data.batch import source_rows
from seqtext.data.texts import SourceRow, iterate_rows
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.documents import Document, generate_documents
from seqtext.inference.growing import GrowingTexts, OnPiece
from seqtext.inference.hypothesis import Hypothesis, texts
from seqtext.inference.mbr import rank_by_risk
from seqtext.inference.predictor import diverged, restore_networks
from seqtext.inference.reading import PairBatch, Reading
from seqtext.inference.rules import RuleMaker
from seqtext.inference.scorer import Scorer
from seqtext.inference.source_batch import SourceBatch
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.renames import SEARCH, rename_arguments
from seqtext.search.config import SearchConfig
from seqtext.search.ensemble import Ensemble
from seqtext.search.protocol import FinishedHypothesis, Pieces
from seqtext.search.run import run_search
from seqtext.search.stored import override
from seqtext.suggestion import suggest
from seqtext.tasks import DEFAULT_BLEU_TOKENIZE, Scoring
from seqtext.values import Positive, check_value

_NO_TEXT = Hypothesis(text="", score=0.0, log_prob=0.0, pieces=(), ids=())


class Generator(Scorer):
    """Networks and their tokenizers, ready to decode.

    Args:
        networks: See ``Predictor``.
        tokenizers: Of both sides, shared by all networks.
        columns: Names of source and target in the training corpus.
        task: What the outputs are judged by.
        source_limit: Most pieces of a source that are read.
        longest_source: Pieces of the longest source in training. None if nobody knows.
        scoring: How outputs were scored in training. None if nobody knows.
        searches: The search that each checkpoint brings. The first one has the defaults of ``generate``.
    """

    def __init__(
        self,
        networks: Sequence[EncoderDecoder],
        tokenizers: Tokenizers,
        columns: tuple[str, str] = ("source", "target"),
        task: str = "translation",
        source_limit: int | None = None,
        longest_source: int | None = None,
        scoring: Scoring | None = None,
        searches: Sequence[SearchConfig] = (SearchConfig(),),
    ) -> None:
        super().__init__(networks, tokenizers, columns, task, source_limit, longest_source)
        self.scoring, self.searches = scoring, searches
        target = tokenizers.target
        banned = target.control_ids
        if self._copies:
            banned = (*banned, target.unk)  # a word of the source says more
        self._rules = RuleMaker(target)
        self._pieces = Pieces(bos=target.bos, eos=target.eos, banned=banned)

    def generate(
        self, sources: Iterable[SourceRow], *, on_piece: OnPiece | None = None, **options: Any
    ) -> list[list[Hypothesis]]:
        """Decode ``sources``.

        Args:
            sources: Texts in any iterable, such as a list, a generator, a pandas Series or a NumPy array. A
                source of several columns is a tuple of their values, or a dict.
            on_piece: Called whenever an output has grown, with the place of its source and the text so far.
                In beam search this is the best hypothesis so far, which another may replace. The last call
                for a source has the text that is returned. A source without text has no call.
            options: Fields of ``SearchConfig``: ``beam_size=5``, ``n_best=1``, … They override the search
                of the checkpoint.

        Returns:
            For every source, in order, its ``n_best`` hypotheses, best first. All have different texts, so
            there may be fewer. Or its ``samples``, in the order in which they are drawn. A source without
            text has one hypothesis, without text.

        Raises:
            ConfigError: A source is no text. Or there is no such option, or its value has another type or
                is out of range.
            CheckpointError: The network's outputs are no numbers.
        """
        config = self._config(rename_arguments(options, SEARCH))
        return self.decode(*self.encode(sources), config, on_piece)

    def stream(
        self,
        sources: Iterable[SourceRow],
        *,
        buffer_size: int = 1_000,
        on_piece: OnPiece | None = None,
        **options: Any,
    ) -> Iterator[list[Hypothesis]]:
        """``generate`` for any number of sources, also without an end.

        Args:
            sources: See ``generate``.
            buffer_size: Most sources that are held. So many are read before the first is answered. With 1,
                each is answered before the next is read. More are faster, as like lengths are decoded
                together.
            on_piece: See ``generate``. The place of a source counts from the first of all.
            options: Fields of ``SearchConfig``.

        Returns:
            An iterator over the hypotheses of each source, in order.

        Raises:
            ConfigError: See ``generate``. A source that is no text is refused when its turn comes.
            CheckpointError: See ``generate``.
        """
        config = self._config(rename_arguments(options, SEARCH))
        size = check_value("buffer_size", buffer_size, Positive)
        return self._stream(iterate_rows(sources, "sources"), size, on_piece, config)

    def _stream(
        self,
        rows: Iterator[object],
        buffer_size: int,
        on_piece: OnPiece | None,
        config: SearchConfig,
    ) -> Iterator[list[Hypothesis]]:
        first = 0
        while buffer := list(itertools.islice(rows, buffer_size)):
            yield from self.decode(*self.encode(buffer, first), config, on_piece, first)
            first += len(buffer)

    def generate_documents(
        self, texts: Iterable[SourceRow], language: str, **options: Any
    ) -> list[Document]:
        """Decode texts of any length, sentence by sentence. ``sentencex`` finds the sentences.

        Spaces and the ends of lines stay as they are. A sentence that is longer than any in training is
        divided at punctuation or spaces. ``counts.divided`` has the number of these.

        Args:
            texts: Texts in any iterable, such as paragraphs or whole books.
            language: Code of their language, such as ``en``. An unknown one has the rules of English.
            options: See ``generate``.

        Returns:
            A document for each text, in order.

        Raises:
            ConfigError: ``language`` is no code, ``sentencex`` is not installed, ``n_best`` is more than 1,
                or the model reads several columns. Or see ``generate``.
            CheckpointError: The network's outputs are no numbers.
        """
        config = self._config(rename_arguments(options, SEARCH))
        return generate_documents(self, texts, language, config)

    def _config(self, options: Mapping[str, object]) -> SearchConfig:
        """The search of a call with these options.

        Raises:
            ConfigError: See ``generate``.
        """
        known = [field.name for field in dataclasses.fields(SearchConfig)]
        if unknown := [name for name in options if name not in known]:
            near = suggest(unknown[0], known)
            raise ConfigError(f"no option {unknown[0]!r}; there are {', '.join(known)}{near}")
        return override(self.searches[0], options)

    def search(self, sources: Iterable[SourceRow], config: SearchConfig) -> list[list[Hypothesis]]:
        """``generate`` with its options as one object."""
        return self.decode(*self.encode(sources), config)

    def decode(
        self,
        ids: list[list[int]],
        words: list[tuple[str, ...]],
        config: SearchConfig,
        on_piece: OnPiece | None = None,
        first: int = 0,
    ) -> list[list[Hypothesis]]:
        """``search`` for sources as ``encode`` returns them. ``on_piece`` counts them from ``first``."""
        self.check_output(config)
        if on_piece is not None and (config.replace_unknown or config.mbr is not None):
            raise ConfigError(
                "on_piece: shows outputs while they grow, and replace_unknown and mbr change them afterwards."
                " Leave one out"
            )
        rows = [row for row, own in enumerate(ids) if own]

        def batch_of(places: list[int]) -> SourceBatch:
            chosen = [rows[place] for place in places]
            own = [words[row] for row in chosen]
            batch = SourceBatch([ids[row] for row in chosen], own, config)
            if on_piece is None:
                return batch
            numbers = [first + row for row in chosen]
            return batch._replace(
                growing=GrowingTexts(on_piece, numbers, own, self.tokenizers.target)
            )

        searched = [ids[row] for row in rows]
        decoded = iter(self._by_length(searched, batch_of, config.batch_size, config.width))
        results = [next(decoded) if own else [_NO_TEXT] for own in ids]
        self.counts.at_limit += sum(best.at_limit for best, *_ in results)
        return self.complete(ids, words, results, config)

    def predict_batch(self, batch: SourceBatch | PairBatch) -> Sequence[list[Hypothesis] | Reading]:
        """The best hypotheses of each source of a batch, or the readings of its pairs."""
        if isinstance(batch, PairBatch):
            return self.read_pairs(batch)
        config = batch.config
        source, lengths = (
            part.to(self.device) for part in source_rows(batch.ids, self.tokenizers.source.eos)
        )
        fewest, most = config.limits(lengths - 1)
        rules = self._rules.rules(config, fewest, batch.words)
        states = [network.start(source, lengths) for network in self.networks]
        keys = batch.keys() if config.samples else []
        given = lengths, most, self._pieces, config, rules, keys, batch.growing
        if len(states) == 1:
            rows = run_search(self.networks[0], states[0], *given)
        else:
            rows = run_search(Ensemble(self.networks), states, *given)
        results = [
            self._outputs(row, own, limit, config)
            for row, own, limit in zip(rows, batch.words, most.tolist(), strict=True)
        ]
        if batch.growing is not None:
            batch.growing.finish(texts(results))
        return results

    def _outputs(
        self,
        hypotheses: list[FinishedHypothesis],
        words: Sequence[str],
        limit: int,
        config: SearchConfig,
    ) -> list[Hypothesis]:
        """The hypotheses of a source that are returned: all samples, or the best of different texts."""
        if not hypotheses or not all(math.isfinite(each.log_prob) for each in hypotheses):
            raise diverged()
        target = self.tokenizers.target
        outputs: dict[object, Hypothesis] = {}
        for number, hypothesis in enumerate(hypotheses):
            if len(outputs) == config.outputs and config.mbr is None:
                break
            text = target.decode(hypothesis.ids, words)
            # samples of the same text stay: their number tells how probable it is
            outputs.setdefault(
                number if config.samples else text,
                Hypothesis(
                    text=text,
                    score=hypothesis.score,
                    log_prob=hypothesis.log_prob,
                    pieces=tuple(target.pieces(hypothesis.ids, words)),
                    ids=hypothesis.ids,
                    at_limit=len(hypothesis.ids) >= limit,
                ),
            )
        if config.mbr is None:
            return list(outputs.values())
        tokenize = self.scoring.bleu_tokenize if self.scoring else DEFAULT_BLEU_TOKENIZE
        return rank_by_risk([*outputs.values()], config.mbr, tokenize, sampled=config.samples > 0)[
            : config.n_best
        ]


def generator_of(
    models: Sequence[checkpoint.Model],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Generator:
    """A generator that decodes with all models. Their paths are for messages.

    Raises:
        CheckpointError: Tokenizers differ, or weights do not fit.
        ConfigError: The device cannot hold a network.
    """
    first = models[0]
    tokenizers = first.tokenizers
    networks = restore_networks(
        models,
        where,
        device,
        precision,
        {"source": "source tokenizers", "target": "target tokenizers"},
        lambda model: EncoderDecoder(model.config, *tokenizers.sizes, tokenizers.unknown),
    )
    for network in networks:
        network.decoder.precompute()
    limits = checkpoint.common_limit(models), checkpoint.common_longest(models)
    searches = [model.search for model in models]
    return Generator(
        networks, tokenizers, first.columns, first.task, *limits, first.scoring, searches
    )

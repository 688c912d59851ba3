"""Text to text, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqtext import checkpoint
from seqtext.data.batch import source_rows
from seqtext.data.texts import SourceRow, iterate_rows, texts_of
from seqtext.data.tokenizer import Tokenizers
from seqtext.inference.call_options import read_options
from seqtext.inference.constraints.options import Constraints, SourceConstraints
from seqtext.inference.constraints.rules import ConstraintRules
from seqtext.inference.documents import Document, generate_documents
from seqtext.inference.growing import GrowingTexts, OnPiece, check_on_piece
from seqtext.inference.hypothesis import Hypothesis, texts
from seqtext.inference.outputs import OutputChooser, complete_lists
from seqtext.inference.predictor import restore_networks
from seqtext.inference.reading import PairBatch, Reading
from seqtext.inference.rules import RuleMaker
from seqtext.inference.scorer import Scorer
from seqtext.inference.source_batch import SourceBatch
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.search.config import SearchConfig
from seqtext.search.ensemble import Ensemble
from seqtext.search.protocol import Pieces
from seqtext.search.run import run_search
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
        self._rules, self._constraints = RuleMaker(target), ConstraintRules(target)
        tokenize = scoring.bleu_tokenize if scoring else DEFAULT_BLEU_TOKENIZE
        self._chooser = OutputChooser(target, tokenize)
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
                for a source has the text that is returned. A source without text has no call. With
                ``on_piece`` the first process decodes all.
            options: Fields of ``SearchConfig``: ``beam_size=5``, ``n_best=1``, … They override the search
                of the checkpoint. And fields of ``Constraints``: ``prefix="The"``, ``banned=["cat"]``, …

        Returns:
            For every source, in order, its ``n_best`` hypotheses, best first. All have different texts, so
            there may be fewer. Or its ``samples``, in the order in which they are drawn. A source without
            text has one hypothesis, without text.

        Raises:
            ConfigError: A source is no text. Or there is no such option, or its value has another type or
                is out of range. Or see ``Constraints``.
            CheckpointError: The network's outputs are no numbers.
        """
        return self.search(sources, *read_options(options, self.searches[0]), on_piece)

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
            options: See ``generate``. All sources share them.

        Returns:
            An iterator over the hypotheses of each source, in order.

        Raises:
            ConfigError: See ``generate``. Or an option is of each source. A source that is no text is refused
                when its turn comes.
            CheckpointError: See ``generate``.
        """
        config, constraints = read_options(options, self.searches[0])
        constraints.refuse_own("stream")
        size = check_value("buffer_size", buffer_size, Positive)
        rows = iterate_rows(sources, "sources")

        def answers() -> Iterator[list[Hypothesis]]:
            first = 0
            while buffer := list(itertools.islice(rows, size)):
                yield from self.search(buffer, config, constraints, on_piece, first)
                first += len(buffer)

        return answers()

    def generate_documents(
        self, texts: Iterable[SourceRow], language: str, **options: Any
    ) -> list[Document]:
        """Decode texts of any length, sentence by sentence. ``sentencex`` finds the sentences.

        Spaces and the ends of lines stay as they are. A sentence that is longer than any in training is
        divided at punctuation or spaces. ``counts.divided`` has the number of these.

        Args:
            texts: Texts in any iterable, such as paragraphs or whole books.
            language: Code of their language, such as ``en``. An unknown one has the rules of English.
            options: See ``generate``. Constraints are those of every sentence.

        Returns:
            A document for each text, in order.

        Raises:
            ConfigError: ``language`` is no code, ``sentencex`` is not installed, ``n_best`` is more than 1,
                or the model reads several columns. Or see ``generate``.
            CheckpointError: The network's outputs are no numbers.
        """
        return generate_documents(self, texts, language, *read_options(options, self.searches[0]))

    def search(
        self,
        sources: Iterable[object],
        config: SearchConfig,
        constraints: Constraints | None = None,
        on_piece: OnPiece | None = None,
        first: int = 0,
    ) -> list[list[Hypothesis]]:
        """``generate`` with its options as objects. The sources are counted from ``first``."""
        texts = texts_of(sources, "sources", self.source_columns, first)
        given = self.constrain(texts, constraints, first)
        return self.decode(*self.encode(texts), config, given, on_piece)

    def constrain(
        self, texts: Sequence[str], constraints: Constraints | None, first: int = 0
    ) -> SourceConstraints:
        """The constraints of each source text. See ``Constraints.of_sources``."""
        sources = [" ".join(self.source_columns.split(text) or [text]) for text in texts]
        return (constraints or Constraints()).of_sources(sources, self.tokenizers.target, first)

    def decode(
        self,
        ids: list[list[int]],
        words: list[tuple[str, ...]],
        config: SearchConfig,
        constraints: SourceConstraints,
        on_piece: OnPiece | None = None,
    ) -> list[list[Hypothesis]]:
        """``search`` for sources as ``encode`` and ``constrain`` return them."""
        self.check_output(config)
        constraints.check(config)
        check_on_piece(on_piece, config)
        results = self._decode(ids, words, config, constraints, on_piece)
        if constraints.outputs and config.mbr is None:

            def search(rows: list[int], outputs: tuple[str, ...]) -> list[list[Hypothesis]]:
                asked = constraints.of(rows)._replace(outputs=outputs)
                return self._decode([ids[i] for i in rows], [words[i] for i in rows], config, asked)

            shown = texts(results)
            complete_lists(results, constraints.outputs, config.n_best, search)
            for row, (old, new) in enumerate(zip(shown, texts(results), strict=True)):
                if on_piece is not None and new != old:
                    on_piece(constraints.places[row], new)
        rows = [row for row, own in enumerate(ids) if own]
        if not constraints.outputs:  # which are whole at any length
            self.counts.at_limit += sum(best.at_limit for best, *_ in results)
        self.counts.lacking += sum(constraints.lacks(row, results[row][0].text) for row in rows)
        return self.complete(ids, words, results, config)

    def _decode(
        self,
        ids: Sequence[list[int]],
        words: Sequence[tuple[str, ...]],
        config: SearchConfig,
        constraints: SourceConstraints,
        on_piece: OnPiece | None = None,
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source. For the arguments see ``decode``."""
        rows = [row for row, own in enumerate(ids) if own]

        def batch_of(places: list[int]) -> SourceBatch:
            chosen = [rows[place] for place in places]
            own = [words[row] for row in chosen]
            asked = constraints.of(chosen)
            batch = SourceBatch([ids[row] for row in chosen], own, config, asked)
            if on_piece is None:
                return batch
            growing = GrowingTexts(on_piece, asked.places, own, self.tokenizers.target)
            return batch._replace(growing=growing)

        searched = [ids[row] for row in rows]
        sizes, alone = (config.batch_size, config.width), on_piece is not None
        decoded = iter(self._by_length(searched, batch_of, *sizes, alone=alone))
        return [next(decoded) if own else [_NO_TEXT] for own in ids]

    def batch_of(self, ids: list[list[int]], length: int) -> SourceBatch:
        """See ``Predictor``."""
        config = SearchConfig(min_length=length, max_length=length)
        constraints = Constraints().of_sources([""] * len(ids), self.tokenizers.target)
        return SourceBatch(ids, [()] * len(ids), config, constraints)

    def predict_batch(self, batch: SourceBatch | PairBatch) -> Sequence[list[Hypothesis] | Reading]:
        """The best hypotheses of each source of a batch, or the readings of its pairs."""
        if isinstance(batch, PairBatch):
            return self.read_pairs(batch)
        config = batch.config
        source, lengths = (
            part.to(self.device) for part in source_rows(batch.ids, self.tokenizers.source.eos)
        )
        fewest, most = config.limits(lengths - 1)
        single = config.samples > 0 or config.beam_size == 1  # hypotheses that do not compete
        first, last, most = self._constraints.rules(
            batch.constraints, most, batch.words, greedy=single
        )
        rules = [*first, *self._rules.rules(config, fewest, batch.words), *last]
        states = [network.start(source, lengths) for network in self.networks]
        keys = batch.keys() if config.samples else []
        given = lengths, most, self._pieces, config, rules, keys, batch.growing
        if len(states) == 1:
            rows = run_search(self.networks[0], states[0], *given)
        else:
            rows = run_search(Ensemble(self.networks), states, *given)
        results = [
            self._chooser.outputs(row, own, limit, config)
            for row, own, limit in zip(rows, batch.words, most.tolist(), strict=True)
        ]
        if batch.growing is not None:
            batch.growing.finish(texts(results))
        return results


def generator_of(
    models: Sequence[checkpoint.Model],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Generator:
    """A generator with all models. ``settle_precision`` makes it ready. Paths are for messages.

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
    limits = checkpoint.common_limit(models), checkpoint.common_longest(models)
    searches = [model.search for model in models]
    return Generator(
        networks, tokenizers, first.columns, first.task, *limits, first.scoring, searches
    )

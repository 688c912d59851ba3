"""Text to text, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqtext import checkpoint
from seqtext.data.texts import SourceRow, iterate_rows, texts_of
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.call_options import read_options
from seqtext.inference.constraints.options import Constraints, SourceConstraints
from seqtext.inference.documents import Document, generate_documents
from seqtext.inference.growing import GrowingTexts, OnPiece, check_on_piece
from seqtext.inference.hypothesis import Hypothesis, texts
from seqtext.inference.outputs import OutputChooser, complete_lists
from seqtext.inference.predictor import restore_networks
from seqtext.inference.reading import PairBatch, Reading
from seqtext.inference.scorer import Scorer
from seqtext.inference.searcher import Searcher
from seqtext.inference.shortlist import read_shortlist
from seqtext.inference.source_batch import SourceBatch
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.search.config import SearchConfig
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
        tokenize = scoring.bleu_tokenize if scoring else DEFAULT_BLEU_TOKENIZE
        self._chooser = OutputChooser(tokenizers.target, tokenize)
        self._searcher = Searcher(tokenizers, copies=self._copies)

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
        constraints = constraints or Constraints()
        given = constraints.of_sources(sources, self.tokenizers.target, first)
        if constraints.shortlist is None:
            return given
        if self._copies:
            raise ConfigError(
                "shortlist: the model copies pieces of the source, whatever a list has. Leave shortlist out"
            )
        shortlist = read_shortlist(constraints.shortlist)
        shortlist.check(self.tokenizers)
        return given._replace(shortlist=shortlist)

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
        # batches may go to other processes, so they have lists instead
        shortlist, constraints = constraints.shortlist, constraints._replace(shortlist=None)

        def batch_of(places: list[int]) -> SourceBatch:
            chosen = [rows[place] for place in places]
            read, own = [ids[row] for row in chosen], [words[row] for row in chosen]
            asked = constraints.of(chosen)
            lists = None if shortlist is None else shortlist.lists(read, self.tokenizers)
            batch = SourceBatch(read, own, config, asked, lists)
            if on_piece is None:
                return batch
            growing = GrowingTexts(on_piece, asked.places, own, self.tokenizers.target)
            return batch._replace(growing=growing)

        searched = [ids[row] for row in rows]
        # what a user's functions need may be in this process alone
        alone = on_piece is not None or bool(constraints.rules)
        sizes = config.batch_size, config.width
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
        rows, most = self._searcher.search(self.networks, batch, self.device)
        results = [
            self._chooser.outputs(row, own, limit, batch.config)
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

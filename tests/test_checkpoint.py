"""Files that are no whole checkpoint of ours: damaged, edited, or made to harm."""

from __future__ import annotations

import copy
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

import seqtext
from seqtext import EncoderDecoderModule, PairsDataModule, checkpoint
from seqtext.checkpoint import ClassifierModel, Model
from seqtext.cli import main
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import CheckpointError
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.training import position
from seqtext.training.run import resume
from seqtext.training.run.average import intact

Content = dict[str, Any]


@pytest.fixture(scope="module")
def translator(trained: Path) -> Content:
    """What a checkpoint holds, without a digest as those of earlier versions."""
    content = torch.load(trained / "best.ckpt", weights_only=True)
    del content["seqtext"]["digest"]
    return content  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def classifier(translator: Content) -> Content:
    """Likewise of a classifier."""
    labels = TextAndLabels(Tokenizer(translator["seqtext"]["source_spm"]), Labels(("a", "b")))
    config = ClassifierConfig(embedding_size=8, hidden_size=8, pooling="attention")
    described = checkpoint.describe_classifier(config, labels, ("text", "label"), None, 1.0, 0.0)
    weights = Classifier(config, *labels.sizes).state_dict()
    state = {f"network.{name}": weight for name, weight in weights.items()}
    return {"seqtext": described, "state_dict": state}


@pytest.fixture
def training(trained: Path) -> Content:
    """What a run goes on from."""
    return torch.load(trained / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


def edited(content: Content, *keys: str, value: Any) -> Content:
    """A copy in which ``content[key][key]…`` is another value."""
    changed = copy.copy(content)
    place = changed
    for key in keys[:-1]:
        place[key] = copy.copy(place[key])
        place = place[key]
    place[keys[-1]] = value
    return changed


def refusal(content: Content) -> str:
    """The message about a file that holds ``content``."""
    torch.save(content, "edited.ckpt")
    with pytest.raises(CheckpointError) as caught:
        seqtext.load("edited.ckpt")
    assert str(caught.value).startswith("edited.ckpt: ")
    assert len(str(caught.value)) < 500
    return str(caught.value)


def same_model(one: Any, other: Any) -> bool:
    if one._replace(weights=None, tokenizers=None) != other._replace(weights=None, tokenizers=None):
        return False
    sides = zip(one.tokenizers, other.tokenizers, strict=True)
    return all(bytes(a) == bytes(b) for a, b in sides) and all(
        torch.equal(weight, other.weights[name]) for name, weight in one.weights.items()
    )


# --- damage ---------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_noticed_or_changes_nothing(trained: Path) -> None:
    good = (trained / "best.ckpt").read_bytes()
    expected, generator = checkpoint.load_any(trained / "best.ckpt"), random.Random(0)
    # the end, with the archive's table of contents, is the most delicate
    places = [generator.randrange(len(good)) for _ in range(60)]
    places += [generator.randrange(len(good) - 4000, len(good)) for _ in range(100)]
    messages = []
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1 << generator.randrange(8)
        Path("flipped.ckpt").write_bytes(damaged)
        try:
            assert same_model(checkpoint.load_any("flipped.ckpt"), expected), place
        except CheckpointError as error:
            messages.append(str(error))
    assert len(messages) > 60
    assert all(message.startswith("flipped.ckpt: ") for message in messages)


def test_a_flipped_weight_is_named(trained: Path) -> None:
    path = Path("flipped.ckpt")
    damaged = bytearray((trained / "best.ckpt").read_bytes())
    with zipfile.ZipFile(trained / "best.ckpt") as archive:
        entry = max(archive.infolist(), key=lambda one: one.file_size * ("/data/" in one.filename))
    damaged[entry.header_offset + 300] ^= 64
    path.write_bytes(damaged)
    for load in (seqtext.load, seqtext.PairsDataModule.load_from_checkpoint):
        with pytest.raises(CheckpointError, match=rf"flipped\.ckpt: .*{entry.filename}"):
            load(path)


def test_a_file_cut_anywhere_is_refused(trained: Path) -> None:
    good = (trained / "best.ckpt").read_bytes()
    for length in [*range(0, len(good), len(good) // 40), *range(len(good) - 30, len(good))]:
        Path("cut.ckpt").write_bytes(good[:length])
        with pytest.raises(CheckpointError, match=r"^cut\.ckpt: "):
            checkpoint.load_any("cut.ckpt")


@pytest.mark.parametrize("how", ["resume", "init_from", "generate", "test", "check"])
def test_every_command_refuses_a_damaged_file(
    how: str, trained: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = bytearray((trained / "last.ckpt").read_bytes())
    damaged[len(damaged) // 2] ^= 64
    Path("last.ckpt").write_bytes(damaged)
    commands = {
        "resume": ["fit", *tiny, "--resume=last.ckpt", "--run=r"],
        "init_from": ["fit", *tiny, "--model.init_from=last.ckpt", "--run=r"],
        "generate": ["generate", "last.ckpt"],
        "test": ["test", "last.ckpt", "--data.test=builtin:test:5"],
        "check": ["check", "--data.train=builtin:train:9", "--tokenizer=last.ckpt"],
    }
    commands["check"] += ["--data.source=en", "--data.target=de"]
    assert main(commands[how]) == 2
    assert "last.ckpt: damaged: " in capsys.readouterr().err


def test_a_damaged_candidate_is_left_out_of_the_average(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = trained / "best.ckpt"
    Path("cut.ckpt").write_bytes(good.read_bytes()[:-9000])
    assert len(intact([good, Path("cut.ckpt"), good])) == 2
    assert "average: left out cut.ckpt: " in capsys.readouterr().err


# --- the digest -----------------------------------------------------------------------------------------


def test_other_weights_or_another_description_are_noticed(trained: Path) -> None:
    content = torch.load(trained / "best.ckpt", weights_only=True)
    name = "network.decoder.readout.bias"
    weights = edited(content, "state_dict", name, value=content["state_dict"][name] + 1)
    for changed in (weights, edited(content, "seqtext", "columns", value=["de", "en"])):
        assert "are not those that were written (the digest differs)" in refusal(changed)
        changed["seqtext"] = {**changed["seqtext"], "digest": None}
        torch.save(changed, "older.ckpt")
        seqtext.load("older.ckpt")


def test_the_digest_is_of_the_weights_that_a_callback_puts_there() -> None:
    class Halved(Callback):
        def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Content) -> None:
            state = checkpoint["state_dict"]
            checkpoint["state_dict"] = {name: value / 2 for name, value in state.items()}

    sides: dict[str, Any] = {"source": "en", "target": "de", "validation": None}
    small = TokenizerConfig(vocab_size=420)
    data = PairsDataModule("builtin:train:60", **sides, tokenizer=small, batch_size=20)
    module = EncoderDecoderModule(network=NetworkConfig(embedding_size=8, hidden_size=8))
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
    }
    trainer = Trainer(
        max_steps=1, accelerator="cpu", use_distributed_sampler=False, callbacks=[Halved()], **quiet
    )
    trainer.fit(module, datamodule=data)
    trainer.save_checkpoint("halved.ckpt")
    content = checkpoint.read("halved.ckpt")
    assert content["seqtext"]["digest"]
    saved = content["state_dict"]["network.encoder.embedding.weight"]
    assert torch.equal(saved, module.state_dict()["network.encoder.embedding.weight"] / 2)


# --- edited descriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("state_dict", [1], "state_dict: found a value of type list, expected a dict of tensors"),
        ("state_dict network.x", 3, "state_dict['network.x']: found 3, expected a name and a ten"),
        ("loops", 5, "loops: found 5, expected a dict"),
        ("seqtext", [], "holds no 'seqtext' entry"),
        ("seqtext format", "1", "checkpoint format '1', this version of seqtext reads format 1"),
        ("seqtext format", torch.ones(3), "checkpoint format a value of type Tensor"),
        ("seqtext task", "chess", "seqtext.task: found 'chess', expected one of translation, "),
        ("seqtext columns", "en", "seqtext.columns: found 'en', expected a list"),
        ("seqtext columns", ["en"], "seqtext.columns: found 1 values, expected 2"),
        ("seqtext columns", ["en", 3], "seqtext.columns[1]: found 3, expected text"),
        ("seqtext source_limit", "9", "source_limit: found '9', expected a whole number or noth"),
        ("seqtext source_limit", 0, "source_limit: 0, expected at least 1"),
        ("seqtext source_spm", "text", "seqtext.source_spm: found 'text', expected bytes"),
        ("seqtext target_spm", b"bytes", "target_spm: not a SentencePiece model"),
        ("seqtext more", 1, "seqtext: unknown field 'more'"),
        ("seqtext network", 3, "seqtext.network: found 3, expected a dict of fields"),
        ("seqtext network hidden_size", "24", "network.hidden_size: found '24', expected a whole"),
        ("seqtext network hidden_size", True, "network.hidden_size: found True, expected a whole"),
        ("seqtext network hidden_size", 10**12, "network.hidden_size: 1000000000000, expected at"),
        ("seqtext network hidden_size", 10**400, "hidden_size: found a number of 1,329 bits"),
        ("seqtext network hidden_size", -2, "network.hidden_size: -2, expected at least 1"),
        # nobody has the memory for these
        ("seqtext network hidden_size", 65_536, "do not fit its network: encoder.stack.forwards.0"),
        ("seqtext network encoder_layers", 256, "do not fit its network: encoder.stack.backwards"),
        ("seqtext network encoder_layers", 10**9, "encoder_layers: 1000000000, expected at"),
        ("seqtext network window", 5 * 10**18, "network.window: 5000000000000000000, expected at"),
        (
            "seqtext network cell",
            ["lstm"],
            "network.cell: found a value of type list, expected text",
        ),
        ("seqtext network dropout", float("nan"), "network.dropout: nan, expected"),
        ("seqtext network init_scale", 1e300, "network.init_scale: 1e+300, expected"),
        ("seqtext network forget_bias", float("inf"), "network.forget_bias: inf, expected"),
        ("seqtext network colour", "red", "seqtext.network: unknown field 'colour'"),
    ],
    ids=str,
)
def test_an_edited_field_is_named(keys: str, value: Any, message: str, translator: Content) -> None:
    assert message in refusal(edited(translator, *keys.split(), value=value))


@pytest.mark.parametrize("field", ["columns", "network", "source_spm", "target_spm", "task"])
def test_a_missing_field_is_named(field: str, translator: Content) -> None:
    content = edited(translator, "seqtext", field, value=None)
    del content["seqtext"][field]
    assert f"seqtext.{field}: is missing" in refusal(content)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("temperature", 0, "seqtext.temperature: 0, expected more than 0"),
        ("temperature", "1", "seqtext.temperature: found '1', expected a number"),
        ("threshold", float("nan"), "seqtext.threshold: nan, expected 0 to 1"),
        ("labels", b"[1]", "labels: found a value of type list, expected a dict of fields"),
        ("labels", b'{"names": ["a", 2]}', "labels.names[1]: found 2, expected text"),
        ("labels", b'{"names": ["a"]}', "its weights do not fit its network: output.weight is"),
        ("labels", b"[" * 100_000, "labels: nested too deeply"),
        ("network", {"decoder_layers": 2}, "network: unknown field 'decoder_layers'"),
    ],
)
def test_an_edited_classifier(field: str, value: Any, message: str, classifier: Content) -> None:
    torch.save(classifier, "good.ckpt")
    assert seqtext.load_classifier("good.ckpt").classify(["The dog sleeps."])
    assert message in refusal(edited(classifier, "seqtext", field, value=value))


# --- what training goes on from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("pytorch-lightning_version", [2], "version: found a value of type list, expected text"),
        (
            "pytorch-lightning_version",
            "two",
            "pytorch-lightning_version: found 'two', expected a v",
        ),
        ("epoch", "1", "epoch: found '1', expected a whole number"),
        ("loops", [1], "loops: found a value of type list, expected a dict"),
        ("loops", {}, "loops.fit_loop: is missing"),
        ("callbacks", [1], "callbacks: found a value of type list, expected a dict"),
        ("callbacks Checkpoints", [1], "callbacks.Checkpoints: found a value of type list"),
        ("callbacks Checkpoints", {}, "callbacks.Checkpoints.best: is missing"),
        ("callbacks Checkpoints best", [1], "callbacks.Checkpoints.best: expected pairs"),
        (
            "callbacks Checkpoints best",
            [("a", 1)],
            "Checkpoints.best: found 'a', expected a number",
        ),
        (
            "callbacks Report",
            {"seconds": "1"},
            "callbacks.Report.seconds: found '1', expected a num",
        ),
        ("callbacks Other", 1, "callbacks['Other']: found 1, expected a dict"),
        ("optimizer_states", [1], "optimizer_states[0]: found 1, expected a dict"),
        ("optimizer_states", [{}], "optimizer_states[0].state: is missing"),
        ("optimizer_states", [], "optimizer_states: is empty"),
        ("lr_schedulers", [1], "lr_schedulers[0]: found 1, expected a dict"),
        ("lr_schedulers", [], "lr_schedulers: is empty"),
        ("PairsDataModule", [1], "PairsDataModule: found a value of type list, expected a dict"),
        ("PairsDataModule", {}, "PairsDataModule.train: is missing"),
        ("LabelsDataModule", {"train": [1]}, "LabelsDataModule.train[0]: found 1, expected text"),
        ("hyper_parameters", [1], "hyper_parameters: found a value of type list, expected a dict"),
        (
            "hyper_parameters seed",
            b"1",
            "hyper_parameters.seed: found b'1', expected a plain value",
        ),
        ("datamodule_hyper_parameters tokenizer", {1: 2}, "tokenizer: found the name 1"),
        ("seqtext_accumulation", "1", "seqtext_accumulation: found '1', expected a whole number"),
        ("seqtext_accumulation", 0, "seqtext_accumulation: 0, expected at least 1"),
        ("seqtext_metrics", [1], "seqtext_metrics: found a value of type list, expected a dict"),
        ("seqtext_metrics", {"val_loss": "x"}, "seqtext_metrics['val_loss']: found 'x'"),
        ("seqtext_plateau", {}, "seqtext_plateau.best: is missing"),
    ],
    ids=str,
)
def test_edited_training_is_named(keys: str, value: Any, message: str, training: Content) -> None:
    torch.save(edited(training, *keys.split(), value=value), "last.ckpt")
    with pytest.raises(CheckpointError, match=r"^last\.ckpt: incomplete, edited") as caught:
        resume.model_in(Path("last.ckpt"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["pytorch-lightning_version", "loops", "callbacks", "lr_schedulers", "seqtext_accumulation"],
)
def test_training_does_not_go_on_without(name: str, training: Content) -> None:
    content = {key: value for key, value in training.items() if key != name}
    torch.save(content, "last.ckpt")
    with pytest.raises(CheckpointError, match=rf"^last\.ckpt: .*inconsistent: {name}: is missing"):
        resume.model_in(Path("last.ckpt"))
    seqtext.load("last.ckpt")  # which only needs the model


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("epoch_progress", None, "epoch_progress: found None, expected a dict"),
        ("epoch_progress current", {}, "epoch_progress.current.ready: is missing"),
        (
            "epoch_loop.batch_progress total ready",
            "9",
            "total.ready: found '9', expected a whole number",
        ),
        ("epoch_loop.batch_progress total ready", -9, "total.ready: -9, expected at least 0"),
        ("state_dict combined_loader", [{}], "combined_loader[0].epoch: is missing"),
        ("state_dict combined_loader", 3, "combined_loader: found 3, expected a list"),
    ],
    ids=str,
)
def test_an_edited_position_is_named(
    keys: str, value: Any, message: str, training: Content
) -> None:
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
    }
    trainer = Trainer(accelerator="cpu", **quiet)
    position.begin(training, trainer)  # as it was written
    content = edited(training, "loops", "fit_loop", *keys.split(), value=value)
    with pytest.raises(CheckpointError, match=r"inconsistent: loops\.fit_loop") as caught:
        position.begin(content, trainer)
    assert message in str(caught.value)


def test_older_checkpoints_lack_what_is_new(training: Content) -> None:
    for name in ("seqtext_metrics", "PairsDataModule"):
        del training[name]
    torch.save(training, "last.ckpt")
    resume.model_in(Path("last.ckpt"))


BIAS = "network.decoder.readout.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bias: bias[:0].expand(0), "decoder.readout.bias is (0,) torch.float32, expected"),
        (lambda bias: bias.long(), "decoder.readout.bias is (16,) torch.int64, expected (16,) tor"),
        (lambda bias: bias[:1].expand(16), "is no plain tensor with data of its own"),
        (lambda bias: torch.empty(10**15, device="meta"), "is no plain tensor with data of its"),
        (lambda bias: bias.to_sparse(), "is no plain tensor with data of its own"),
    ],
)
def test_an_edited_weight(
    change: Callable[[torch.Tensor], torch.Tensor], message: str, translator: Content
) -> None:
    value = change(translator["state_dict"][BIAS])
    assert message in refusal(edited(translator, "state_dict", BIAS, value=value))


def test_weights_that_share_their_data_are_no_large_network(translator: Content) -> None:
    """A file of some kilobytes could ask for gigabytes."""
    weights = translator["state_dict"]
    shared = torch.zeros(max(weight.numel() for weight in weights.values()))
    state = {name: shared[: one.numel()].view(one.shape) for name, one in weights.items()}
    assert "weights, the file has" in refusal({**translator, "state_dict": state})


def test_fields_that_change_at_random(translator: Content, classifier: Content) -> None:
    generator = random.Random(0)
    odd: list[object] = [
        None,
        True,
        0,
        1,
        -1,
        2,
        3,
        8,
        1.5,
        float("nan"),
        float("-inf"),
        10**9,
        2**63,
        2**70,
    ]
    odd += ["", "lstm", "last", "x" * 999, b"", b"\0", [], [1], [[]], ["a", "b"], {}, {"a": 1}]
    odd += [(), ("a", "b"), torch.zeros(2), torch.zeros(()), {1, 2}, "transformer", "gru", "dot"]
    odd += [False, 0.5, "mean", "sru", "additive", "identity", "code"]
    loaded, messages = 0, []
    for number in range(400):
        content = [translator, classifier][number % 2]
        for _ in range(generator.randint(1, 2)):
            network = generator.random() < 0.7 and isinstance(content["seqtext"]["network"], dict)
            keys = ("seqtext", "network") if network else ("seqtext",)
            fields = content["seqtext"]["network"] if network else content["seqtext"]
            name = generator.choice([*fields, "unknown", 7])
            content = edited(content, *keys, name, value=generator.choice(odd))
        torch.save(content, "random.ckpt")
        try:
            model = seqtext.load("random.ckpt")
        except CheckpointError as error:
            messages.append(str(error))
            continue
        loaded += 1
        assert isinstance(model, (seqtext.Generator, seqtext.Classifier)[number % 2])
        if isinstance(model, seqtext.Generator):
            model.generate(["A dog."], max_length=3)
        else:
            model.classify(["A dog."])
    assert loaded > 10
    assert all(len(message) < 500 for message in messages)


# --- files that are made to harm ------------------------------------------------------------------------


class Touch:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("touched",)


def test_objects_are_not_loaded_and_the_message_does_not_tell_how(translator: Content) -> None:
    message = refusal({**translator, "more": Touch()})
    assert "(posix.mkdir)" in message and "unsafe" in message
    assert "weights_only" not in message and "two options" not in message
    assert not Path("touched").exists()


def test_an_archive_that_unpacks_to_more_than_it_has(trained: Path) -> None:
    with (
        zipfile.ZipFile(trained / "best.ckpt") as good,
        zipfile.ZipFile("bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in good.namelist():
            bomb.writestr(name, good.read(name))
        bomb.writestr("archive/data/99", bytes(50_000_000))
    with pytest.raises(CheckpointError, match=r"bomb\.ckpt: .* packed"):
        seqtext.load("bomb.ckpt")


def test_two_entries_of_one_name(trained: Path) -> None:
    """Only one of them would be verified, and PyTorch could take the other."""
    Path("twice.ckpt").write_bytes((trained / "best.ckpt").read_bytes())
    with zipfile.ZipFile("twice.ckpt", "a") as archive:
        archive.writestr(archive.namelist()[-1].upper(), b"other")
    with pytest.raises(CheckpointError, match="same name"):
        seqtext.load("twice.ckpt")


def test_another_format_of_pytorch(translator: Content) -> None:
    """PyTorch reads it, but it has no checksums."""
    torch.save(translator, "legacy.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match=r"legacy\.ckpt: .* damaged"):
        seqtext.load("legacy.ckpt")


def test_whole_files_load(trained: Path, translator: Content, classifier: Content) -> None:
    assert isinstance(checkpoint.load_any(trained), Model)
    torch.save(translator, "translator.ckpt")
    assert same_model(checkpoint.load_any("translator.ckpt"), checkpoint.load_any(trained))
    torch.save(classifier, "classifier.ckpt")
    assert isinstance(checkpoint.load_any("classifier.ckpt"), ClassifierModel)

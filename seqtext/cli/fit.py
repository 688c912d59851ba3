"""``seqtext fit``: train a model. The options are the typed signatures of module, data and Trainer."""

from __future__ import annotations

import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Sequence

from seqtext import tasks
from seqtext.errors import ConfigError, SeqtextError

PRESET: dict[str, object] = {
    "model": {"class_path": "seqtext.EncoderDecoderModule"},
    "data": {"class_path": "seqtext.PairsDataModule"},
}

# Written by hand: short, and printed without loading PyTorch. A test compares it with the signatures.
HELP = """\
usage: seqtext fit [--config FILE] [--run DIR] [--resume DIR|CKPT|auto] [--trust PACKAGE] [--KEY VALUE]…
       python recipes/TASK/train.py fit …          the same, with TASK's defaults preset

Train a model. A --KEY overrides what a FILE says. The run writes all its options to config.yaml.

  --config FILE                     YAML file; recipes/… are also found in the installed package
  --run DIR                         a new folder for the run (default: runs/TASK/001, 002, …)
  --resume DIR|CKPT|auto            resume a run; auto: the newest unfinished one, else a new one
  --trust PACKAGE                   let FILE, the config.yaml of a resumed run, or a checkpoint name classes
                                    of this package or module; otherwise they name known classes only
  --seed_everything N               seed of model and data, unless they have their own
  --print_config                    print the configuration and stop

data
  --data.train PATH                 a table (csv, tsv, jsonl, parquet), a TMX file, the PREFIX of PREFIX.en
  --data.validation PATH            and PREFIX.de, a hub name, or builtin:SPLIT:COUNT[:SEED]
  --data.source NAME                column, suffix or language of the source text (default: source)
  --data.target NAME                the same for the target text (default: target)
  --data.compare PATH               a corpus scored before and after, with --model.init_from
  --data.batch_tokens N             pieces in one update, over all devices
  --data.batch_size N               sentence pairs in one update, instead of batch_tokens
  --data.max_source_length N        longer training pairs are left out (also max_target_length)
  --data.truncate_sources B         read the beginning of longer sources instead
  --data.streaming B                read the files anew in every epoch, for a corpus larger than the disk
  --data.tokenizer.vocab_size N     also model_type, joint, source_model, target_model, …

model
  --model.network.cell C            rnn_tanh, rnn_relu, lstm, gru, min_gru, min_lstm, sru, ssru;
                                    mypackage.MyCell; or transformer, as a baseline
  --model.network.hidden_size N     also embedding_size, encoder_layers, decoder_layers
  --model.network.attention A       dot, general, additive or multi_head
  --model.network.input_feeding B   true or false
  --model.network.copying B         copy from the source (pointer-generator)
  --model.network.coverage B        attention sees its own past; also --model.coverage_loss X
  --model.network.window N          read long sources in windows of N pieces
  --model.network.dropout P         also word_dropout
  --model.optimizer.learning_rate X also name, schedule, warmup_steps, weight_decay, …
  --model.label_smoothing X
  --model.init_from CKPT            start from another model's network, weights and tokenizers
  --model.freeze PARTS              keep embeddings, encoder, attention, decoder or output as they are
  --model.task T                    {tasks}:
                                    what scores the outputs
  --model.bleu_tokenize T           of val_bleu: 13a, char (languages without spaces), none, …

run
  --selection.monitor M             which checkpoint is best (default: by the task's own score):
                                    {monitors}
  --selection.average_best N        average the N best checkpoints at the end
  --selection.patience N            stop after N validations without a better result
  --trainer.max_epochs N            also max_steps, max_time (default: 10 epochs)
  --trainer.precision P             32-true or bf16-mixed
  --trainer.devices N               also accelerator, strategy (ddp), num_nodes
  --trainer.accumulate_grad_batches N   batches per update, if an update needs too much memory
  --trainer.logger L                csv, tensorboard, wandb or mlflow, into the folder of the run
  --trainer.val_check_interval X    validate every X epochs (0.5) or X batches (500, an epoch at most)

Classifiers have options of their own: python recipes/classification/train.py fit with these two.
All options: --model.help, --data.help (with their defaults), and those of lightning.Trainer.
""".format(
    tasks=", ".join(tasks.TEXT_TASKS),
    monitors=textwrap.fill(", ".join(tasks.MONITORS), 66).replace("\n", "\n" + " " * 36),
)


def run(arguments: Sequence[str], task: str | None, preset: dict[str, object]) -> None:
    """Train as ``HELP`` says."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(HELP, end="")
        if not arguments:
            raise ConfigError("no options given; at least --config or --data.train is needed")
        return
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", str(int(not sys.stderr.isatty())))
    from seqtext.cli.training import train

    _quiet()

    try:
        train(list(arguments), task, {**PRESET, **preset})
    except (SeqtextError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        # Lightning turns an interruption into status 1. A parser's error has status 2.
        if error.code != 1:
            raise
        interruption = error.__context__  # which names the signal
        if isinstance(interruption, KeyboardInterrupt):
            raise interruption from None
        raise KeyboardInterrupt from None


def _quiet() -> None:
    """Silence Lightning's messages, but not those that a user asks for."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("callbacks.model_summary", "profilers"):  # silent unless an option asks for them
        logging.getLogger(f"lightning.pytorch.{name}").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", module=r"lightning\.|torch\.jit|torch\.optim\.lr_scheduler")

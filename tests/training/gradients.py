"""Trains a few updates and saves every update's gradient: gradients.py OUT DEVICES ACCUMULATION LIMIT.

Run as a program of its own, since several processes start it anew.
"""

from __future__ import annotations

import sys

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext import EncoderDecoderModule, PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.nn.config import NetworkConfig
from seqtext.training.config import OptimizerConfig


class Gradients(Callback):
    """Keeps the gradient behind every update, as it is when the weights are changed."""

    def __init__(self) -> None:
        self.kept: list[torch.Tensor] = []
        self.step = 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        if trainer.global_step > self.step:
            self.step = trainer.global_step
            parts = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
            self.kept.append(torch.cat(parts).clone())


def main(out: str, devices: int, accumulation: int, limit: int | None) -> None:
    torch.set_num_threads(1)
    module = EncoderDecoderModule(
        network=NetworkConfig(embedding_size=16, hidden_size=24, dropout=0.0),
        # so small that all gradients are taken at the first weights
        optimizer=OptimizerConfig(learning_rate=1e-12),
        decode_sentences=0,
    )
    data = PairsDataModule(
        train="builtin:train:100",
        source="en",
        target="de",
        tokenizer=TokenizerConfig(vocab_size=420),
        batch_size=20,
    )
    gradients = Gradients()
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        accumulate_grad_batches=accumulation,
        max_epochs=1,
        limit_train_batches=limit,
        callbacks=[gradients],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
    )
    trainer.fit(module, datamodule=data)
    if trainer.is_global_zero:
        torch.save(torch.stack(gradients.kept), out)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) or None)

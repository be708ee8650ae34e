"""What a recipe says of the model that every arm trains."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from augmentor.core.spec import Spec

AUTO = "auto"
"""Stands for the usual model of a kind of samples, until the samples are there."""


class Normalisation(Spec):
    """What is taken off each channel and what it is divided by, on the scale where samples lie in [0, 1].

    Attributes:
        mean: one number for each channel of the network, or one for all.
        std: of the same length, each above 0.
    """

    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> Normalisation:
        if not self.mean or len(self.mean) != len(self.std):
            raise ValueError(
                f"mean and std need one number for each channel, got {len(self.mean)} and {len(self.std)}"
            )
        return self


class InputSpec(Spec):
    """What a model is given of a sample. The data themselves, and all that is made of them, stay as they are.

    Attributes:
        size: cells along each side that samples are brought to, by linear interpolation, low-pass filtered
            where they shrink; None leaves them as the data have them.
        channels: that the model takes, where its file does not say; samples of one channel are repeated. None
            takes those of the samples.
        normalisation: "signed" leaves values in [-1, 1]; "unit" brings them to [0, 1]; "imagenet" takes the
            usual mean of ImageNet's colours off that and divides by their standard deviation; or {mean, std}.
            "auto" is what the weights' publishers use, and "signed" where nobody said.
    """

    size: Annotated[int, Field(ge=4, le=1024)] | None = None
    channels: Annotated[int, Field(ge=1, le=1024)] | None = None
    normalisation: Literal["auto", "signed", "unit", "imagenet"] | Normalisation = "auto"


class ModelSpec(Spec):
    """What every arm trains, and for how long.

    Attributes:
        question: what the model is trained for, a name in :data:`augmentor.downstream.table.DOWNSTREAM`.
        name: the model, one of the question's, or "auto", the usual one for the kind of samples. Those of
            classification are in :data:`augmentor.downstream.models.MODELS`: networks that are built in,
            frozen encoders of a file under a linear head, "timm:NAME", "sklearn:module.Class", and, from the
            command line or Python alone, a function of your own, "file.py:function" or "module:function".
        updates: optimiser steps of every fit, the same for all arms; a model that learns from a table gets
            the rows of as many batches, within its limits.
        batch: rows of a batch.
        learning_rate: highest learning rate; None is 3e-3 for new weights, and 3e-4 for pretrained ones.
        channels: width of the first stage of ``small_resnet``; None chooses it by dimension.
        weights: path of a local file with weights (safetensors), an encoder (TorchScript, ONNX) or, for
            ``monai_bundle``, of the bundle's folder; read from where you are. Nothing is ever downloaded.
        input: what the model is given of a sample: size and normalisation.
        frozen: whether pretrained weights stay as they are, under a linear head with a strength chosen by
            cross-validation, instead of being trained on.
        parameters: of the estimator of scikit-learn, or further arguments of the function.
        pretrained_on: what the weights were trained on, in your own words, e.g. "ImageNet-1k".
    """

    question: str = "classification"
    name: str = AUTO
    updates: Annotated[int, Field(ge=1)] = 600
    batch: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    channels: Annotated[int, Field(ge=1, le=512)] | None = None
    weights: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    input: InputSpec = InputSpec()
    frozen: bool = False
    parameters: dict[str, Any] = Field(default_factory=dict)
    pretrained_on: Annotated[str, Field(max_length=200)] = ""

    @field_validator("pretrained_on")
    @classmethod
    def _one_line(cls, text: str) -> str:
        return " ".join(text.split())

    def given(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (C, *spatial) of samples of ``shape`` as the model is given them.

        Example:
            >>> ModelSpec(input=InputSpec(size=224)).given((1, 28, 28))
            (1, 224, 224)
        """
        size, channels = self.input.size, self.input.channels or shape[0]
        return channels, *(shape[1:] if size is None else (size for _ in shape[1:]))

    @property
    def said(self) -> frozenset[str]:
        """The fields of which only some models have a use, and that are not at their default."""
        usual = type(self).model_fields
        common = {"question", "name", "updates", "batch", "pretrained_on"}
        return frozenset(
            name
            for name, value in self
            if name not in common and value != usual[name].get_default(call_default_factory=True)
        )

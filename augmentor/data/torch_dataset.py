"""Real and synthetic rows for a team's own training loop, in the forms that its library takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.utils.data import Dataset

from augmentor.core.errors import ConfigError
from augmentor.core.samples import IntArray, Samples
from augmentor.core.spec import parse
from augmentor.core.synthetic import SyntheticSet
from augmentor.core.version import __version__
from augmentor.data.expanded import About, Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.readers.expanded import read_expanded
from augmentor.data.writers.formats.table import write_format

if TYPE_CHECKING:
    from monai.data import Dataset as MonaiDataset

Transform = Callable[[torch.Tensor], torch.Tensor]
Item = tuple[torch.Tensor, int]


class ExpandedDataset(Dataset[Item]):
    """Images, volumes or series with their label.

    Item ``i`` is ``(x, label)``: ``x`` a float32 tensor (C, *S) in [0, 1], which is the data's value range
    brought linearly to [0, 1]; ``label`` an index into :attr:`classes`. Real rows come first, in their order,
    then the synthetic ones; :attr:`is_synthetic` tells them apart.

    Attributes:
        classes: class names in label order.
        targets: labels (N,) int64, as torchvision's datasets have them.
        is_synthetic: (N,) bool.
        rows: what is known of each row, see :class:`augmentor.data.expanded.Expanded`.
        transform: applied to each float tensor (C, *S) when it is read; None for none.

    Example:
        >>> import numpy as np
        >>> from augmentor.core.kinds import IMAGE
        >>> from augmentor.core.samples import Samples
        >>> real = Samples(np.full((2, 1, 4, 4), 255, np.uint8), np.array([0, 1]), ("a", "b"),
        ...                np.array(["r0", "r1"]), value_range=(0, 255), kind=IMAGE)
        >>> dataset = ExpandedDataset(real)
        >>> dataset
        ExpandedDataset(2 images of shape (1, 4, 4): 2 real, 0 synthetic; a 1, b 1)
        >>> x, label = dataset[1]
        >>> x.shape, float(x.max()), label, dataset.class_to_idx
        (torch.Size([1, 4, 4]), 1.0, 1, {'a': 0, 'b': 1})
    """

    def __init__(
        self,
        real: Samples,
        synthetic: SyntheticSet | None = None,
        *,
        kept_only: bool = True,
        transform: Transform | None = None,
        about: About | None = None,
    ) -> None:
        """Join real rows and, where given, synthetic ones.

        Args:
            real: the training part.
            synthetic: rows of the same classes, shape and units.
            kept_only: leave out what the filters rejected.
            transform: applied to each float tensor (C, *S) when it is read.
            about: what the dataset is called, for what is written of it.

        Raises:
            DataError: if real and synthetic rows do not fit together.
        """
        if synthetic is not None and not kept_only:
            everything = np.ones(len(synthetic), dtype=np.bool_)
            synthetic = replace(synthetic, kept=everything, reason=np.full(len(synthetic), "", dtype=np.str_))
        self._hold(Expanded.of(real, synthetic, about), transform)

    def _hold(self, data: Expanded, transform: Transform | None) -> None:
        self.data, self.transform = data, transform
        assert data.samples.value_range is not None  # Samples of arrays have one
        self._low, self._high = data.samples.value_range

    @classmethod
    def from_folder(
        cls, folder: Path | str, *, transform: Transform | None = None, about: About | None = None
    ) -> ExpandedDataset:
        """Read the ``expanded/`` folder of a run by its metadata.csv, in the order of that file.

        See :func:`augmentor.data.readers.expanded.read_expanded` for the units.

        Raises:
            DataError: if metadata.csv or a file is missing or damaged, or a path leads outside.
        """
        dataset = cls.__new__(cls)
        dataset._hold(read_expanded(folder, about=about), transform)
        return dataset

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""
        return self.data.samples.classes

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def targets(self) -> IntArray:
        """Labels (N,)."""
        return self.data.samples.y

    @property
    def is_synthetic(self) -> npt.NDArray[np.bool_]:
        """Which rows are synthetic (N,)."""
        return self.data.is_synthetic

    @property
    def rows(self) -> pd.DataFrame:
        """What is known of each row, its provenance and its scores."""
        return self.data.rows

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.data.samples)

    def __getitem__(self, index: int) -> Item:
        """Return ``(x, label)`` of one row."""
        x = torch.from_numpy(self._scaled(self.data.samples.array[index]))
        if self.transform is not None:
            x = self.transform(x)
        return x, int(self.targets[index])

    def __repr__(self) -> str:
        samples, made = self.data.samples, int(self.is_synthetic.sum())
        counts = ", ".join(f"{name} {n}" for name, n in samples.counts.items())
        return (
            f"{type(self).__name__}({len(self)} {samples.kind.plural} of shape {samples.shape}: "
            f"{len(self) - made} real, {made} synthetic; {counts})"
        )

    def to_monai(self, transform: Callable[[dict[str, Any]], Any] | None = None) -> MonaiDataset:
        """Return a ``monai.data.Dataset`` of dictionaries.

        Each has ``image`` (float32 tensor (C, *S) in [0, 1]), ``label`` (int) and ``is_synthetic`` (bool).

        Args:
            transform: MONAI's, over dictionaries; comes after this dataset's own ``transform``.
        """
        from monai.data import Dataset as MonaiDataset

        return MonaiDataset(_Dictionaries(self), transform)

    def to_keras(self) -> tuple[npt.NDArray[np.float32], IntArray]:
        """Return arrays for ``model.fit(x, y)``; Keras is not needed for it.

        Returns:
            ``x`` float32 (N, *S, C) in [0, 1], channels last as Keras has them, and ``y`` int64 (N,). This
            dataset's ``transform`` is not applied: Keras has its own layers for that.
        """
        x = self._scaled(self.data.samples.array)
        return np.ascontiguousarray(np.moveaxis(x, 1, -1)), self.targets.copy()

    def save_as(self, name: str, folder: Path | str, **options: Any) -> Path:  # noqa: ANN401 - checked below
        """Write the dataset in another form, e.g. ``save_as("webdataset", "shards", samples_per_shard=500)``.

        Args:
            name: a key of :data:`augmentor.data.writers.formats.table.FORMATS`.
            folder: to make.
            options: fields of :class:`augmentor.data.export_spec.ExportOptions`.

        Returns:
            The folder.

        Raises:
            ConfigError: if there is no such form, or it does not read an option.
            DataError: if the form does not hold such samples.
            StorageError: if ``folder`` exists or cannot be written.
        """
        write_format(name, Path(folder), self.data, parse(ExportOptions, options, f"format {name}"))
        return Path(folder)

    def push_to_hub(self, repository: str, *, private: bool = True, token: str | None = None) -> str:
        """Upload the dataset to the Hugging Face Hub, as its own folder with its card.

        It holds the real rows too: make sure that you may share them.

        Args:
            repository: "owner/name"; made where it is missing.
            private: whether a repository that is made is private.
            token: of the Hub; None for the one that you logged in with.

        Returns:
            The address of the commit.

        Raises:
            ConfigError: if huggingface_hub is not installed.
        """
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            raise ConfigError(
                "push_to_hub needs huggingface_hub, which is not installed; pip install 'gan-augmentor[hub]'"
            ) from error
        hub = HfApi(token=token)
        with tempfile.TemporaryDirectory() as place:
            folder = self.save_as("huggingface", Path(place) / "dataset")
            hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            commit = hub.upload_folder(
                repo_id=repository,
                folder_path=str(folder),
                repo_type="dataset",
                commit_message=f"Expanded dataset by gan-augmentor {__version__}",
            )
        return str(commit.commit_url)

    def _scaled(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        scaled: npt.NDArray[np.float32] = (x.astype(np.float32) - self._low) / (self._high - self._low)
        return scaled.astype(np.float32)


class _Dictionaries(Dataset[dict[str, Any]]):
    """Items of an expanded dataset as MONAI's transforms take them."""

    def __init__(self, dataset: ExpandedDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one row."""
        x, label = self.dataset[index]
        return {"image": x, "label": label, "is_synthetic": bool(self.dataset.is_synthetic[index])}

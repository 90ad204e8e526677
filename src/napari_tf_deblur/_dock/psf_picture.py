"""Shows the PSF: a small picture, its width in words, and a button that adds it as a layer."""

import numpy as np
from magicgui.widgets import PushButton
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_tf_deblur._dock.form import WrappingLabel

PICTURE_LINES = 2.5
"""Height of the picture in lines of text. Set by eye."""


class PSFPicture(QWidget):
    """A picture of the PSF, a description of its width, and a button.

    Attributes
    ----------
    description : WrappingLabel
        The width of the PSF.
    button : PushButton
        Shows the PSF as a layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._picture = QLabel()
        self._picture.setToolTip("The PSF: the blurred image of one bright point")
        self.description = WrappingLabel()
        self.description.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.button = PushButton(
            text="Show PSF", tooltip="Show the PSF as a layer in the corner of the image"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._picture)
        row.addWidget(self.description, 1)
        row.addWidget(self.button.native)
        self.button.native.setParent(self)
        self.show_picture(None)

    def show_picture(self, values: NDArray[np.uint8] | None) -> None:
        """Show a small grey picture, or none for None.

        Parameters
        ----------
        values : ndarray of uint8
            Grey values along two axes.
        """
        self._picture.setVisible(values is not None)
        if values is None:
            return
        height, width = values.shape
        image = QImage(values.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
        side = round(PICTURE_LINES * self.fontMetrics().lineSpacing())
        self._picture.setPixmap(
            QPixmap.fromImage(image).scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio)
        )

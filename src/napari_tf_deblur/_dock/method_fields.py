"""The fields for the method and its parameters, made from the dataclasses of the methods."""

from typing import Any

from magicgui import magicgui
from magicgui.widgets import CheckBox, ComboBox, FunctionGui

from napari_tf_deblur._core.parameters import parameters_of
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.option_fields import field_options
from napari_tf_deblur.methods import METHODS, Auto, Method
from napari_tf_deblur.methods.base import title_and_purpose

AUTOMATIC_LABEL = "Automatic"
AUTOMATIC_TOOLTIP = (
    "The method is chosen from the image; the text below the result names it and says why"
)
ADVANCED_LABEL = "As set under Advanced"


class MethodFields:
    """Fields for the method, by the sample or by its name, and for its parameters.

    Parameters
    ----------
    form : Form
        The form that shows the choice of a sample.
    advanced : Form
        The form that shows the choice of a method, and the parameters.

    Attributes
    ----------
    sample : ComboBox
        The kind of sample in the image; it stands for the method that declares this sample.
    choice : ComboBox
        The method, or "auto".
    forms : dict of type of Method to FunctionGui
        The fields of the parameters of each method; calling a form returns the method.
    """

    def __init__(self, form: Form, advanced: Form) -> None:
        self._form = advanced
        samples = [(method.sample, method) for method in METHODS if method.sample]
        offered = [(AUTOMATIC_LABEL, "auto"), *samples, (ADVANCED_LABEL, None)]
        self.sample = ComboBox(label="Sample", choices=offered, value="auto")
        form.add(self.sample)
        titles = [(title_and_purpose(method)[0], method) for method in METHODS]
        self.choice = ComboBox(label="Method", choices=[(AUTOMATIC_LABEL, "auto"), *titles])
        advanced.add(self.choice)
        self.forms = {method: self._make_fields(method) for method in METHODS}
        self.sample.changed.connect(self._on_sample)
        self.choice.changed.connect(self._show_parameters)
        self._show_parameters()

    def method(self) -> Method | Auto:
        """Return the method; raise TypeError or ValueError if a parameter is invalid."""
        chosen = self.choice.value
        return "auto" if chosen == "auto" else self.forms[chosen]()

    def restore(self, method: Method | Auto) -> None:
        """Set the fields to a method and its parameters."""
        if isinstance(method, str):
            self.choice.value = "auto"
            return
        self.choice.value = type(method)
        for widget in self.forms[type(method)]:
            widget.value = getattr(method, widget.name)

    def _on_sample(self, *_: object) -> None:
        if self.sample.value is not None:
            self.choice.value = self.sample.value

    def _show_parameters(self, *_: object) -> None:
        chosen = self.choice.value
        for method, fields in self.forms.items():
            for widget in fields:
                self._form.show_row(widget, method is chosen)
        tooltip = AUTOMATIC_TOOLTIP if chosen == "auto" else ": ".join(title_and_purpose(chosen))
        with self.sample.changed.blocked():
            self.sample.value = chosen if chosen in self.sample.choices else None
        self.choice.tooltip = self.sample.tooltip = tooltip

    def _make_fields(self, method: type[Method]) -> FunctionGui[..., Method]:
        """Make the fields of a method from its dataclass, and add them to the form."""
        options: dict[str, Any] = _options_of(method)
        fields: FunctionGui[..., Method] = magicgui(
            method, call_button=False, labels=False, **options
        )
        for widget in list(fields):
            widget.label = widget.label[:1].upper() + widget.label[1:]
            if isinstance(widget, CheckBox):
                widget.text = widget.label
            self._form.add(widget)
        fields.native.setParent(self._form)
        fields.native.hide()
        return fields


def _options_of(method: type[Method]) -> dict[str, dict[str, Any]]:
    return {name: field_options(one) for name, one in parameters_of(method).items()}

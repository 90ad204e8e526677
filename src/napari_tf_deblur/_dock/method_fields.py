"""The fields that choose a method and its parameters, derived from the methods' dataclasses."""

from magicgui import magicgui
from magicgui.widgets import CheckBox, ComboBox, FunctionGui

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur.methods import METHODS, Method


class MethodFields:
    """The method, and the parameters of each, of which one method's are shown.

    Parameters
    ----------
    form : Form
        Where to put the fields.

    Attributes
    ----------
    choice : ComboBox
        Which method.
    forms : dict of Method to FunctionGui
        The parameters of each method; calling one returns the method.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        titles = [(_first_line(method).split(":")[0], method) for method in METHODS]
        self.choice = ComboBox(label="Method", choices=titles)
        form.add(self.choice)
        self.forms = {method: self._parameters(method) for method in METHODS}
        self.choice.changed.connect(self._choose)
        self._choose()

    def method(self) -> Method:
        """Return the method that the fields describe; raise TypeError or ValueError if none."""
        return self.forms[self.choice.value]()

    def _choose(self, *_: object) -> None:
        for method, fields in self.forms.items():
            for widget in fields:
                self._form.show_row(widget, method is self.choice.value)
        self.choice.tooltip = _first_line(self.choice.value)

    def _parameters(self, method: type[Method]) -> FunctionGui[..., Method]:
        """Derive a method's fields from its dataclass, and put them in rows of the form."""
        fields: FunctionGui[..., Method] = magicgui(method, call_button=False, labels=False)
        for widget in list(fields):
            widget.label = widget.label[:1].upper() + widget.label[1:]
            if isinstance(widget, CheckBox):
                widget.text = widget.label
            self._form.add(widget)
        fields.native.setParent(self._form)
        fields.native.hide()
        return fields


def _first_line(method: type[Method]) -> str:
    """Return a method's title and purpose, with a colon between them."""
    return (method.__doc__ or "").splitlines()[0]

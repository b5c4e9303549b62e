"""Errors that are the user's to mend."""


class InputError(ValueError):
    """A mistake of the user's, told in one sentence that says what is wrong and what to do."""

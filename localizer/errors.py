"""The error that is the user's to mend."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is shown as it is, without a traceback, so it says what is wrong, where (file and
    line), and what to do about it.
    """

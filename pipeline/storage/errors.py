"""What the errors of object stores mean to a user, and which of them may pass."""

from __future__ import annotations

import errno
from typing import Any

from tamis.pipeline.errors import CallError, TamisError, WorkError, from_os
from tamis.pipeline.storage.retries import Failed

_S3 = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (FSSPEC_S3_ANON=true for a "
    "public bucket), and AWS_ENDPOINT_URL for a store that is not Amazon's"
)
ADVICE = {
    "s3": _S3,
    "s3a": _S3,
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "gcs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    "abfs": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    "abfss": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
PACKAGES = {
    "s3": "'tamis[s3]'",
    "s3a": "'tamis[s3]'",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
    "sftp": "paramiko",
    "ssh": "paramiko",
}
# Without these a request cannot succeed however often it is made.
_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "DefaultCredentialsError",
    "ClientAuthenticationError",
}
_FINAL = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    MemoryError,
)
_FINAL_NUMBERS = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.ENOSPC,
    errno.EROFS,
    errno.EMSGSIZE,
}


def passing(error: Exception) -> bool:
    """Whether a request that failed like this may succeed if it is made again."""
    if isinstance(error, Failed | TimeoutError | ConnectionError):
        return True
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if isinstance(error, _FINAL) or kinds & _CREDENTIALS:
        return False
    if isinstance(error, OSError):
        return error.errno not in _FINAL_NUMBERS
    # botocore's own errors are of the call, but for those of the connection.
    return "BotoCoreError" not in kinds or bool(kinds & {"HTTPClientError", "ConnectionError"})


def code(error: BaseException) -> str:
    """The store's own word for an error, such as NoSuchBucket; empty if it has none."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    found: Any = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(found or "")


def meaning(error: Exception, where: str, protocol: str) -> TamisError:
    """An error of a store in words that say what to do."""
    advice = ADVICE.get(protocol, "check its credentials")
    if isinstance(error, TamisError):
        return error
    if {cls.__name__ for cls in type(error).__mro__} & _CREDENTIALS:
        return CallError(f"{where}: no credentials ({_first_line(error)}): {advice}")
    if isinstance(error, PermissionError):
        said = code(error) or _first_line(error)
        return CallError(f"{where}: access denied ({said}): check who may do this; {advice}")
    if code(error) == "NoSuchBucket":
        return CallError(
            f"{where}: there is no such bucket: make it, or check its name and the store that is "
            "asked (AWS_ENDPOINT_URL)"
        )
    if isinstance(error, FileNotFoundError):
        return WorkError(f"{where}: there is nothing there ({_first_line(error)})")
    if isinstance(error, Failed):
        return WorkError(f"{where}: {error.what}: check the network, then run the command again")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return from_os(error, f"{where}: no room for the scratch file of what is written there")
    if protocol in ("http", "https"):
        return CallError(f"{where}: {_first_line(error)}")
    return WorkError(f"{where}: {type(error).__name__}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300] or type(error).__name__

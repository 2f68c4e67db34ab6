"""What an S3 server or the way to it says, in plain words and as one of our errors. Pure."""

from __future__ import annotations

from minio.error import InvalidResponseError, S3Error, ServerError

from vms.errors import ObjectChecksumError, ObjectError, ObjectMissingError, ObjectUnavailableError

_MISSING = {"NoSuchKey", "NoSuchObject", "NoSuchVersion"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "AccountProblem"}
_WRONG_BYTES = {
    "BadDigest",
    "InvalidDigest",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
}
_FULL = {"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}
_LATER = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "XMinioServerNotInitialized", "Busy"}
_LATER |= {
    "IncompleteBody",
    "OperationAborted",
    "XMinioReadQuorum",
    "XMinioWriteQuorum",
    "SlowDownRead",
    "SlowDownWrite",
}


def plain_error(store: str, bucket: str, key: str, error: Exception) -> ObjectError:
    """The error to raise instead. Nothing of the request's headers, and so no key or signature, is in it."""
    if isinstance(error, S3Error):
        return _of_code(store, bucket, key, error)
    if isinstance(error, ServerError):
        return ObjectUnavailableError(f"the store {store} fails with HTTP status {error.status_code}")
    if isinstance(error, InvalidResponseError):
        return ObjectUnavailableError(
            f"what answers at the store {store} does not speak S3", hint="Look at its endpoint and at proxies between."
        )
    if isinstance(error, ValueError):
        return ObjectError(f"the store {store} cannot be used: {error}", hint="Look at its settings.")
    return ObjectUnavailableError(
        f"the store {store} does not answer: {type(_root(error)).__name__}", hint="Is the server up, the line there?"
    )


def _of_code(store: str, bucket: str, key: str, error: S3Error) -> ObjectError:
    code = error.code or ""
    if code in _MISSING:
        return ObjectMissingError(f"there is no object {key}")
    if code in _REFUSED:
        return ObjectError(
            f"the store {store} refuses us: {code}",
            hint=f"Look at its access key and secret key, and at their rights on the bucket {bucket}.",
        )
    if code == "RequestTimeTooSkewed":
        return ObjectError(f"the store {store} has another time than we", hint="Set the clocks of both by NTP.")
    if code in _WRONG_BYTES:
        return ObjectChecksumError(f"the store {store} received other bytes than were sent as {key}")
    if code in _FULL:
        return ObjectUnavailableError(f"the store {store} is full", hint="Free space there, or shorten retention.")
    if code == "NoSuchBucket":
        return ObjectUnavailableError(f"the store {store} has no bucket {bucket}", hint="It is made at the next start.")
    if code in _LATER or error.response.status >= 500 or error.response.status == 409:
        return ObjectUnavailableError(f"the store {store} cannot do it now: {code}")
    return ObjectError(f"the store {store} refuses {key}: {code}")


def _root(error: BaseException) -> BaseException:
    reason = getattr(error, "reason", None)
    return _root(reason) if isinstance(reason, BaseException) else error

//! What can go wrong on the way to the bucket: what, where, why, what to do. None undoes a publication.

use std::io;
use std::path::{Path, PathBuf};

use super::super::error::PublishError;

/// Why the bucket is not (yet) what `public/` is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The bucket cannot be addressed as configured.
    #[error("cannot upload to the bucket `{bucket}`: {why}; check [publish.upload]")]
    Setting {
        /// The bucket.
        bucket: String,
        /// Why.
        why: String,
    },
    /// No answer, or half of one.
    #[error(
        "cannot {action}: {why}; the upload goes on where it stopped, by itself under the daemon, else with `guichet publish`"
    )]
    Network {
        /// What was tried, with the key.
        action: String,
        /// Why it failed.
        why: String,
    },
    /// The service refused.
    #[error("cannot {action}: the service answered {status}{}{}; {}", .code.as_ref().map(|c| format!(" {c}")).unwrap_or_default(), .message.as_ref().map(|m| format!(" ({m})")).unwrap_or_default(), advice(*.status, .code.as_deref()))]
    Refused {
        /// What was tried, with the key.
        action: String,
        /// Its status.
        status: u16,
        /// Its word for it, `NoSuchBucket`.
        code: Option<String>,
        /// Its sentence for people, cut short.
        message: Option<String>,
    },
    /// The service's answer is no answer to what was asked.
    #[error(
        "cannot {action}: the answer cannot be read ({why}); is `endpoint` of [publish.upload] an S3-compatible service?"
    )]
    Answer {
        /// What was tried.
        action: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was read back is not what was sent; it was deleted again.
    #[error(
        "`{key}` does not read back from the bucket as it was sent ({what}): it was deleted there; the next attempt sends it again, should it stay so ask whoever runs the service"
    )]
    Verify {
        /// The key.
        key: String,
        /// The difference.
        what: String,
    },
    /// What stands on the disk is not what its manifest says.
    #[error("`{}` is not what its manifest says ({what}): it was changed after it was published, or the disk is faulty; it was not uploaded, `guichet publish --force` makes a new publication", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The difference.
        what: String,
    },
    /// The bucket is somebody else's.
    #[error("the bucket holds publications ({found}) and none of them is in `{}`: another instance seems to write there, or this data directory is new; choose another `prefix` in [publish.upload], or delete `dumps/` under this one", .public.display())]
    Foreign {
        /// Some of them.
        found: String,
        /// The folder `public/`.
        public: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{}` to upload it: {source}; check the disk, then try again", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the publication, or one made of it, failed.
    #[error(transparent)]
    Publication(#[from] PublishError),
}

impl UploadError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { path, source }
    }
    /// Whether asking again within seconds may help.
    pub(super) fn passing(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Refused { status, code, .. } => {
                matches!(status, 408 | 409 | 429 | 500..=599)
                    || matches!(code.as_deref(), Some("RequestTimeout" | "SlowDown" | "InternalError" | "BadDigest"))
            }
            _ => false,
        }
    }
    /// Whether the service says that there is no such thing.
    pub(super) fn absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404, code, .. } if code.as_deref() != Some("NoSuchBucket"))
    }
}

fn advice(status: u16, code: Option<&str>) -> &'static str {
    match (status, code) {
        (_, Some("NoSuchBucket")) => "create the bucket, or correct `bucket` in [publish.upload]",
        (_, Some("SignatureDoesNotMatch")) => "check `secret_key` and `region` of [publish.upload]",
        (_, Some("InvalidAccessKeyId" | "NotSignedUp")) => "check `access_key` of [publish.upload]",
        (_, Some("RequestTimeTooSkewed")) => "set the clock of this machine",
        (_, Some("AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError")) => {
            "check `region` of [publish.upload]"
        }
        (301 | 302 | 303 | 307 | 308, _) => {
            "no redirect is followed, so that no signature leaves the endpoint: check `endpoint`, `region` and `path_style`"
        }
        (401 | 403, _) => "check the keys of [publish.upload], and that they may list, read, write and delete there",
        (404, _) => "check `endpoint`, `bucket` and `path_style` of [publish.upload]",
        (408 | 409 | 429 | 500..=599, _) => {
            "the service is in trouble: the upload goes on where it stopped, by itself under the daemon, else with `guichet publish`"
        }
        _ => "check [publish.upload]",
    }
}

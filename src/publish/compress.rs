//! The `.gz` and `.zst` that stand beside a large text file, made from the same bytes in the same pass.
//!
//! Reproducible: no time, no name in the gzip header, fixed levels, one frame.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use super::checksums::Hashing;
use super::error::PublishError;
use super::manifest::FileEntry;

/// gzip is for clients that know nothing newer: a fast level, since it costs most of the time.
const GZIP_LEVEL: u32 = 3;
/// zstd level 3: at 300 MB/s a core, and a third smaller than gzip.
const ZSTD_LEVEL: i32 = 3;

/// Writes both compressed forms of one file.
pub(super) struct Compressed {
    gz: GzEncoder<Hashing<BufWriter<File>>>,
    zst: zstd::Encoder<'static, Hashing<BufWriter<File>>>,
    paths: [PathBuf; 2],
    name: String,
}

impl Compressed {
    /// Creates `<name>.gz` and `<name>.zst` in `dir`.
    pub(super) fn create(dir: &Path, name: &str) -> Result<Self, PublishError> {
        let paths = [dir.join(format!("{name}.gz")), dir.join(format!("{name}.zst"))];
        let create = |path: &Path| -> Result<_, PublishError> {
            let file = File::create_new(path).map_err(PublishError::io("create", path))?;
            Ok(Hashing::new(BufWriter::with_capacity(64 << 10, file)))
        };
        let gz = flate2::GzBuilder::new()
            .mtime(0)
            .operating_system(255)
            .write(create(&paths[0])?, flate2::Compression::new(GZIP_LEVEL));
        let mut zst =
            zstd::Encoder::new(create(&paths[1])?, ZSTD_LEVEL).map_err(PublishError::io("compress", &paths[1]))?;
        zst.include_checksum(true).map_err(PublishError::io("compress", &paths[1]))?;
        Ok(Self { gz, zst, paths, name: name.to_owned() })
    }

    /// Compresses more of the file.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), PublishError> {
        let [gz, zst] = &self.paths;
        self.gz.write_all(bytes).map_err(PublishError::io("write", gz))?;
        self.zst.write_all(bytes).map_err(PublishError::io("write", zst))
    }

    /// Ends both, on the disk.
    pub(super) fn finish(self, rows: Option<u64>) -> Result<Vec<FileEntry>, PublishError> {
        let [gz_path, zst_path] = &self.paths;
        let gz = self.gz.finish().map_err(PublishError::io("write", gz_path))?;
        let zst = self.zst.finish().map_err(PublishError::io("write", zst_path))?;
        let end = |path: &Path, suffix: &str, hashing: Hashing<BufWriter<File>>| {
            let (file, sha256, bytes) = hashing.finish();
            sync(file).map_err(PublishError::io("write", path))?;
            Ok::<_, PublishError>(FileEntry { name: format!("{}{suffix}", self.name), sha256, bytes, rows })
        };
        Ok(vec![end(gz_path, ".gz", gz)?, end(zst_path, ".zst", zst)?])
    }
}

/// Flushes a file down to the disk.
pub(super) fn sync(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

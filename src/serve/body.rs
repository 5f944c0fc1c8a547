//! Bodies of files: streamed in chunks, so that memory depends on neither file nor client.
//!
//! One chunk is held per answer; inflating adds one window of the compressor. A file that ends too
//! early breaks the connection, so that no client takes a cut file for a whole one.

use std::io;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Bytes read at once: large enough that a read costs little beside its copy.
const CHUNK: usize = 128 << 10;

/// The next `len` bytes of the file. `held` is let go when the last one is sent, or the client is
/// gone.
pub fn part<T: Send + 'static>(file: File, len: u64, held: T) -> Body {
    let start = (file, len, held);
    Body::from_stream(stream::try_unfold(start, |(mut file, left, held)| async move {
        if left == 0 {
            return Ok(None);
        }
        let room = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
        let mut chunk = BytesMut::with_capacity(room);
        if file.read_buf(&mut chunk).await? == 0 {
            return Err(ended_early());
        }
        let chunk = take(chunk, left);
        let left = left - chunk.len() as u64;
        Ok(Some((chunk, (file, left, held))))
    }))
}

/// A `.zst` file as it was before, `len` bytes in all; `held` as in [`part`].
pub fn inflated<T: Send + 'static>(file: File, len: u64, held: T) -> io::Result<Body> {
    let state = Inflating { file, decoder: Decoder::new()?, input: BytesMut::with_capacity(CHUNK), left: len };
    Ok(Body::from_stream(stream::try_unfold((state, held), |(mut state, held)| async move {
        let chunk = state.next().await?;
        Ok::<_, io::Error>(chunk.map(|chunk| (chunk, (state, held))))
    })))
}

struct Inflating {
    file: File,
    decoder: Decoder<'static>,
    input: BytesMut,
    left: u64,
}

impl Inflating {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut out = vec![0; CHUNK];
        loop {
            let mut input = InBuffer::around(&self.input);
            let mut output = OutBuffer::around(&mut out[..]);
            self.decoder.run(&mut input, &mut output)?;
            let (read, made) = (input.pos(), output.pos());
            let _ = self.input.split_to(read);
            if made > 0 {
                out.truncate(made);
                let chunk = take(BytesMut::from(Bytes::from(out)), self.left);
                self.left -= chunk.len() as u64;
                return Ok(Some(chunk));
            }
            if self.input.is_empty() {
                self.input.reserve(CHUNK);
                if self.file.read_buf(&mut self.input).await? == 0 {
                    return Err(ended_early());
                }
            }
        }
    }
}

/// Never more than was announced.
fn take(mut chunk: BytesMut, left: u64) -> Bytes {
    chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
    chunk.freeze()
}

fn ended_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than announced")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn open(dir: &std::path::Path, bytes: &[u8]) -> File {
        let path = dir.join("f");
        std::fs::write(&path, bytes).unwrap();
        File::open(path).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_compressed_comes_back_whole_and_a_cut_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let plain: Vec<u8> = (0..700_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let packed = zstd::encode_all(&plain[..], 3).unwrap();
        let body = inflated(open(dir.path(), &packed).await, plain.len() as u64, ()).unwrap();
        assert!(to_bytes(body, usize::MAX).await.unwrap() == plain[..]);
        let cut = &packed[..packed.len() / 2];
        let body = inflated(open(dir.path(), cut).await, plain.len() as u64, ()).unwrap();
        assert!(to_bytes(body, usize::MAX).await.is_err());
        let body = part(open(dir.path(), b"abc").await, 5, ());
        assert!(to_bytes(body, usize::MAX).await.is_err());
    }
}

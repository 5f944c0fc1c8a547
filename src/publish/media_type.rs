//! The media type of a publication's file, by its name: for the catalogues, the web server and the bucket.

/// The type to announce; `attachment` kinds are left to the browser, which saves what it cannot
/// show. An unknown ending is bytes.
pub fn of(name: &str) -> &'static str {
    if name.starts_with("SHA256SUMS") || name.ends_with(".pub") {
        return "text/plain; charset=utf-8";
    }
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "json" => "application/json",
        "ndjson" => "application/x-ndjson",
        "jsonl" => "application/jsonl",
        "jsonld" => "application/ld+json",
        "ttl" => "text/turtle; charset=utf-8",
        "xml" => "application/xml",
        "csv" => "text/csv; charset=utf-8; header=present",
        "parquet" => "application/vnd.apache.parquet",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "sqlite" => "application/vnd.sqlite3",
        "html" => "text/html; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        _ => "application/octet-stream",
    }
}

/// The same without parameters, as catalogues name it.
pub(super) fn bare(name: &str) -> &'static str {
    let full = of(name);
    full.split_once(';').map_or(full, |(bare, _)| bare)
}

/// The same where IANA has registered it.
pub(super) fn registered(name: &str) -> Option<&'static str> {
    let own = ["application/x-ndjson", "application/jsonl", "application/octet-stream"];
    Some(bare(name)).filter(|media| !own.contains(media))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_compressed_file_asked_by_its_own_name_is_an_archive() {
        assert_eq!(super::of("decp.json.zst"), "application/zstd");
        assert_eq!(super::of("decp.json"), "application/json");
        assert_eq!(super::of("SHA256SUMS.minisig"), "text/plain; charset=utf-8");
        assert_eq!(super::of("LISEZMOI"), "application/octet-stream");
        assert_eq!((super::of("minisign.pub"), super::bare("decp.csv")), ("text/plain; charset=utf-8", "text/csv"));
    }
}

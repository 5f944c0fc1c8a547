//! The weighted lists of HTTP (`Accept`, `Accept-Language`, `Accept-Encoding`): pure parsing.

/// One item of a weighted list: its name, trimmed, and its weight in thousandths. A weight that
/// cannot be read refuses the item (0).
pub fn weighted(item: &str) -> (&str, u16) {
    let mut pieces = item.split(';');
    let name = pieces.next().unwrap_or_default().trim();
    let weight = pieces
        .filter_map(|p| p.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(1000, |(_, q)| thousandths(q.trim()));
    (name, weight)
}

fn thousandths(q: &str) -> u16 {
    match q.parse::<f32>() {
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1000.0).round() as u16,
        _ => 0,
    }
}

/// Whether a person reads the answer: `Accept` weighs HTML above JSON. A client that says nothing,
/// or `*/*`, is a program.
pub fn wants_html(accept: Option<&str>) -> bool {
    let accept = accept.unwrap_or_default();
    let best = |wanted: &[&str]| {
        accept
            .split(',')
            .map(weighted)
            .filter(|(name, _)| wanted.iter().any(|w| name.eq_ignore_ascii_case(w)))
            .map(|(_, q)| q)
            .max()
            .unwrap_or(0)
    };
    let html = best(&["text/html", "application/xhtml+xml"]);
    html > 0 && html >= best(&["application/json", "application/problem+json"])
}

/// Whether a program wants one record per line: `Accept` weighs NDJSON above JSON.
pub fn wants_lines(accept: Option<&str>) -> bool {
    let weight = |wanted: &str| {
        let items = accept.unwrap_or_default().split(',').map(weighted);
        items.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, q)| q).max().unwrap_or(0)
    };
    let lines = weight("application/x-ndjson").max(weight("application/ndjson"));
    lines > 0 && lines >= weight("application/json")
}

/// Whether `Accept` leaves room for an HTML page: it does unless it names types, none of which
/// covers HTML.
pub fn accepts_html(accept: Option<&str>) -> bool {
    let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else {
        return true;
    };
    // The most precise name decides, so that `text/html;q=0, */*` is a refusal.
    for names in [&["text/html", "application/xhtml+xml"][..], &["text/*"], &["*/*"]] {
        let found: Vec<u16> = accept
            .split(',')
            .map(weighted)
            .filter(|(name, _)| names.iter().any(|w| name.eq_ignore_ascii_case(w)))
            .map(|(_, q)| q)
            .collect();
        if let Some(best) = found.into_iter().max() {
            return best > 0;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_between_zero_and_one() {
        assert_eq!(weighted(" gzip ; q=0.25"), ("gzip", 250));
        assert_eq!(weighted("fr-FR"), ("fr-FR", 1000));
        assert_eq!(weighted("x;q=7"), ("x", 0));
        assert_eq!(weighted("x;q=NaN"), ("x", 0));
    }

    #[test]
    fn a_browser_reads_html_and_a_program_does_not() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(wants_html(Some(browser)));
        for program in [None, Some("*/*"), Some("application/json, text/html;q=0.5")] {
            assert!(!wants_html(program), "{program:?}");
        }
    }

    #[test]
    fn a_page_is_refused_only_where_html_is() {
        for ok in [None, Some(""), Some("*/*"), Some("text/*;q=0.1"), Some("text/html")] {
            assert!(accepts_html(ok), "{ok:?}");
        }
        for not in ["image/png", "application/json", "text/html;q=0, */*"] {
            assert!(!accepts_html(Some(not)), "{not}");
        }
    }
}

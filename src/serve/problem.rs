//! Errors as clients read them: RFC 9457 problem documents, or a page for people.
//!
//! A handler returns a [`Problem`]; how it is shown is decided once, by the outermost layer, from
//! the request's `Accept` and language. Nothing of the machine (paths, SQL) enters one: causes are
//! logged where they are met.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::i18n::Lang;

/// An error for the client: a status, what happened, and what to do, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable word for programs: the last part of the `type` member.
    pub code: &'static str,
    /// What happened and what to do, in French.
    pub detail_fr: String,
    /// The same in English.
    pub detail_en: String,
    /// Where to look instead: a path on this server.
    pub instead: Option<String>,
    /// Seconds after which asking again can help.
    pub retry_after: Option<u32>,
    /// Methods that the resource has, for a 405.
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem with its explanation in both languages.
    pub fn new(status: StatusCode, code: &'static str, fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self { status, code, detail_fr: fr.into(), detail_en: en.into(), instead: None, retry_after: None, allow: None }
    }

    /// Names a better place.
    pub fn instead(mut self, path: impl Into<String>) -> Self {
        self.instead = Some(path.into());
        self
    }

    /// Says when to ask again, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Il n’y a rien à cette adresse. Vérifiez-la, ou repartez de l’accueil.",
            "There is nothing at this address. Check it, or start again from the home page.",
        )
        .instead("/")
    }

    /// 405 for a resource that can only be read.
    pub fn read_only() -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Ce serveur ne fait que publier : utilisez GET ou HEAD.",
            "This server only publishes: use GET or HEAD.",
        );
        problem.allow = Some("GET, HEAD, OPTIONS");
        problem
    }

    /// 503 while there is no publication to read.
    pub fn no_publication() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no-publication",
            "Aucune publication n’est encore disponible ; la première paraîtra après la prochaine \
             moisson. Réessayez dans quelques minutes.",
            "No publication is available yet; the first will appear after the next harvest. Try \
             again in a few minutes.",
        )
        .retry_after(60)
    }

    /// 500 for a fault of this server's disk or data; the cause is in the log.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Le serveur n’a pas pu lire la publication. L’incident est consigné ; réessayez plus \
             tard.",
            "The server could not read the publication. The incident is logged; try again later.",
        )
    }

    /// 503 when too much is asked at once, or of one query.
    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Le serveur est trop sollicité, ou cette demande est trop coûteuse. Réessayez dans un \
             instant, avec des filtres plus précis ou par le téléchargement des données.",
            "The server is too busy, or this request costs too much. Try again shortly, with \
             narrower filters, or download the data.",
        )
        .retry_after(2)
    }

    /// 400 with the reason in both languages.
    pub fn bad_request(code: &'static str, fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, fr, en)
    }

    /// The explanation in the reader's language.
    pub fn detail(&self, lang: impl std::borrow::Borrow<Lang>) -> &str {
        match lang.borrow() {
            Lang::Fr => &self.detail_fr,
            Lang::En => &self.detail_en,
        }
    }

    /// The problem document.
    pub fn json(&self, lang: Lang) -> String {
        let mut doc = serde_json::Map::new();
        let urn = format!("urn:guichet:problem:{}", self.code);
        doc.insert("type".into(), urn.into());
        doc.insert("title".into(), self.title().into());
        doc.insert("status".into(), self.status.as_u16().into());
        doc.insert("detail".into(), self.detail(lang).into());
        if let Some(instead) = &self.instead {
            doc.insert("instead".into(), instead.clone().into());
        }
        serde_json::Value::Object(doc).to_string()
    }

    /// The standard words for the status.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// The answer with this body, and the headers that belong to the problem.
    pub fn answer(&self, content_type: &'static str, lang: Lang, body: String) -> Response {
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

/// Carries the problem to the outermost layer, which knows the request. What passes no layer (a
/// route used alone) is still a correct problem document.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.json(Lang::Fr);
        let mut response = self.answer("application/problem+json", Lang::Fr, body);
        response.extensions_mut().insert(self);
        response
    }
}

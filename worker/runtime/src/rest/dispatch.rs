//! From an HTTP request to the handler of its route, with the answers that no handler gives.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header},
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    App, connectors,
    error::RestError,
    forward, loggers, metrics, offsets, openapi, plugins,
    route::{Route, query},
};

/// No configuration is nearly this long.
const BODY_BYTES_MAX: usize = 16 << 20;

/// What a handler answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Content,
    pub location: Option<String>,
    /// The methods that the path does answer to.
    pub allow: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Content {
    Nothing,
    Json(Value),
    /// JSON text of another worker, passed on.
    Raw(Bytes),
    Text(&'static str, String),
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, body: Content::Json(body), location: None, allow: None }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, body: Content::Nothing, location: None, allow: None }
    }
}

pub type Handled = Result<Answer, RestError>;

/// A request as handlers see it.
pub struct Call {
    pub app: Arc<App>,
    pub method: String,
    pub route: Route,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A boolean parameter: false unless it is `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The address under which the client reached us, for `Location`.
    pub fn base_url(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        format!("http://{}", host.map_or_else(|| self.app.settings.worker_id(), str::to_owned))
    }
}

pub async fn handle(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let method = parts.method.as_str().to_owned();
    let answered = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => answer(&app, &method, &parts.uri, &parts.headers, body).await,
        Err(_) => Err(RestError::new(413, "HTTP 413 Request Entity Too Large")),
    };
    let answer = answered.unwrap_or_else(|error| Answer::json(error.status, error.to_json()));
    tracing::debug!(method, path = parts.uri.path(), status = answer.status, "REST");
    let mut response = render(answer, &method);
    app.headers.add_cors(&method, &parts.headers, response.headers_mut());
    app.headers.add_configured(response.headers_mut());
    response
}

async fn answer(app: &Arc<App>, method: &str, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Handled {
    let path = uri.path();
    let route = Route::of(path)
        .filter(|route| !(route.is_admin() && app.settings.config.admin_listeners.as_deref() == Some("")));
    let Some(route) = route else { return Err(RestError::not_found("HTTP 404 Not Found")) };
    if method == "OPTIONS" {
        let allow = route.allow();
        let body = Content::Text("text/plain", allow.clone());
        return Ok(Answer { body, allow: Some(allow), ..Answer::empty(200) });
    }
    let as_get = if method == "HEAD" { "GET" } else { method };
    if !route.methods().contains(&as_get) {
        let refused = RestError::new(405, "HTTP 405 Method Not Allowed");
        return Ok(Answer { allow: Some(route.allow()), ..Answer::json(405, refused.to_json()) });
    }
    if is_no_media_type(headers) {
        return Ok(Answer::empty(400));
    }
    if matches!(as_get, "POST" | "PUT" | "PATCH") && !speaks_json(headers, &body) {
        return Err(RestError::new(415, "HTTP 415 Unsupported Media Type"));
    }
    if route != Route::Metrics && !accepts_json(headers) {
        return Err(RestError::new(406, "HTTP 406 Not Acceptable"));
    }
    let call = Call {
        app: app.clone(),
        method: as_get.to_owned(),
        route,
        path: path.to_owned(),
        query: query(uri.query().unwrap_or_default()),
        headers: headers.clone(),
        body,
    };
    forward::or_forward(&call, handler(&call).await).await
}

async fn handler(call: &Call) -> Handled {
    match (&call.route, call.method.as_str()) {
        (Route::Root, _) => plugins::root(call),
        (Route::Health, _) => plugins::health(call),
        (Route::Metrics, _) => metrics::render(call),
        (Route::OpenApi, _) => openapi::document(),
        (Route::Plugins, _) => plugins::list(call),
        (Route::PluginConfig(name), _) => plugins::config(call, name),
        (Route::Validate(name), _) => plugins::validate(call, name).await,
        (Route::Loggers, _) => loggers::list(call),
        (Route::Logger(name), "GET") => loggers::get(call, name),
        (Route::Logger(name), _) => loggers::set(call, name).await,
        (Route::Offsets(name), "GET") => offsets::list(call, name).await,
        (Route::Offsets(name), "PATCH") => offsets::alter(call, name).await,
        (Route::Offsets(name), _) => offsets::reset(call, name).await,
        _ => connectors::handle(call).await,
    }
}

/// A content type without a slash is refused before anything else is looked at.
fn is_no_media_type(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().contains(&b'/'))
}

/// Bodies are JSON; requests without a body need not say so.
fn speaks_json(headers: &HeaderMap, body: &Bytes) -> bool {
    match headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default()) {
        Some(kind) => kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"),
        None => body.is_empty(),
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return true };
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| matches!(range.to_ascii_lowercase().as_str(), "" | "*/*" | "application/*" | "application/json"))
}

fn render(answer: Answer, method: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, body) = match answer.body {
        Content::Nothing => (None, Body::empty()),
        Content::Json(tree) => (Some("application/json"), Body::from(tree.to_string())),
        Content::Raw(bytes) => (Some("application/json"), Body::from(bytes)),
        Content::Text(kind, text) => (Some(kind), Body::from(text)),
    };
    let headers = response.headers_mut();
    if answer.status == 400 && kind.is_none() {
        // Refused before any resource has seen it: the JVM's server says more about the cache than about the reason.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("must-revalidate,no-cache,no-store"));
    }
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in [(header::LOCATION, answer.location), (header::ALLOW, answer.allow)] {
        if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    if method != "HEAD" {
        *response.body_mut() = body;
    }
    response
}

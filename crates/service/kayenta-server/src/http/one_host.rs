//! Requests have to name one host, as HTTP/1.1 requires: two programs that read two of them differently are how
//! requests are smuggled past a proxy.

use std::convert::Infallible;

use axum::http::{Request, Version, header};
use axum::{
    Router,
    response::{IntoResponse, Response},
};
use futures::future::{Either, Ready, ready};
use hyper::{body::Incoming, service::Service};
use hyper_util::service::TowerToHyperService;
use kayenta_web::ErrorResponse;

/// A router that gets no request without a host, or with several.
#[derive(Clone, Debug)]
pub(super) struct OneHost(TowerToHyperService<Router>);

impl OneHost {
    pub(super) fn new(app: Router) -> Self {
        Self(TowerToHyperService::new(app))
    }
}

impl Service<Request<Incoming>> for OneHost {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match refused(&request) {
            None => Either::Right(self.0.call(request)),
            Some(error) => Either::Left(ready(Ok(error.into_response()))),
        }
    }
}

fn refused<B>(request: &Request<B>) -> Option<ErrorResponse> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let message = match hosts {
        1 => return None,
        0 if request.version() < Version::HTTP_11 => return None,
        0 => "The request has no Host header, which HTTP/1.1 requires.".to_owned(),
        many => format!("The request has {many} Host headers; it must have one."),
    };
    Some(ErrorResponse::bad_request(message))
}

//! Compression of answers, on the threads for computing where it takes long.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{self, header},
    middleware,
    response::Response,
};
use futures::{future::BoxFuture, task::AtomicWaker};
use hyper::body::Frame;
use kayenta_limits::{Panicked, compute_sized};
use kayenta_settings::CompressionSettings;
use tokio::runtime::Handle;
use tower_http::compression::{CompressionLayer, Predicate, predicate::SizeAbove};

/// Content types compressed unless the operator names others: Spring Boot's list.
const COMPRESSED: [&str; 8] = [
    "text/html",
    "text/xml",
    "text/plain",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/xml",
];

/// An answer up to this length is compressed in a millisecond.
const COMPRESSED_IN_PLACE: u64 = 32 << 10;
/// So much longer takes the compression of a text than reading or writing it as JSON.
const SLOWER_THAN_JSON: usize = 8;
/// Compressed bytes that are made at a time.
const PIECE: usize = 64 << 10;

/// The routes, their answers compressed as the settings say.
pub(super) fn compressed(routes: Router, settings: &CompressionSettings) -> Router {
    let types = if settings.mime_types.is_empty() {
        COMPRESSED.map(str::to_owned).to_vec()
    } else {
        settings.mime_types.clone()
    };
    let predicate = SizeAbove::new(settings.min_response_bytes).and(OfTypes(Arc::new(types)));
    routes
        .layer(middleware::map_response(note_length))
        .layer(CompressionLayer::new().gzip(true).compress_when(predicate))
        .layer(middleware::map_response(compute_long))
}

/// Compresses answers of some types.
#[derive(Clone, Debug)]
struct OfTypes(Arc<Vec<String>>);

impl Predicate for OfTypes {
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        let Some(content_type) = response.headers().get(header::CONTENT_TYPE) else {
            return false;
        };
        let content_type = content_type.to_str().unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        self.0
            .iter()
            .any(|known| known.eq_ignore_ascii_case(essence))
    }
}

/// How long an answer is before it is compressed, if that takes long.
#[derive(Clone, Copy, Debug)]
struct Long(usize);

async fn note_length(mut response: Response) -> Response {
    // How much comes of an object that is passed on as it is read is not known.
    let length = response.body().size_hint().exact().unwrap_or(u64::MAX);
    if length > COMPRESSED_IN_PLACE {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        response.extensions_mut().insert(Long(length));
    }
    response
}

async fn compute_long(mut response: Response) -> Response {
    let long = response.extensions_mut().remove::<Long>();
    match long {
        Some(Long(length)) if response.headers().contains_key(header::CONTENT_ENCODING) => {
            response.map(|body| Body::new(ComputedBody::new(body, length)))
        }
        _ => response,
    }
}

/// A body that is made on a thread for computing, piece by piece as it is sent.
struct ComputedBody {
    state: State,
    /// Made, and not yet sent.
    frames: VecDeque<Result<Frame<Bytes>, axum::Error>>,
    /// How much work it is, as bytes of JSON.
    size: usize,
    arrival: Arc<Arrival>,
}

/// Remembers that what a piece waits for has come. It may come while the thread for computing has not yet handed the piece
/// over; the task that sends the body is woken then, finds no piece, and would wait for ever.
#[derive(Default)]
struct Arrival {
    has_come: AtomicBool,
    sender: AtomicWaker,
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.sender.wake();
    }
}

enum State {
    Idle(Body),
    Working(BoxFuture<'static, Result<Piece, Panicked>>),
    Over,
}

/// What was made of a body.
struct Piece {
    frames: VecDeque<Result<Frame<Bytes>, axum::Error>>,
    /// What is left of it.
    rest: Option<Body>,
    /// Whether the rest waits for what it is made of.
    waits: bool,
}

impl ComputedBody {
    fn new(body: Body, length: usize) -> Self {
        Self {
            state: State::Idle(body),
            frames: VecDeque::new(),
            size: length.saturating_mul(SLOWER_THAN_JSON),
            arrival: Arc::default(),
        }
    }
}

impl HttpBody for ComputedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.arrival.sender.register(context.waker());
        loop {
            if let Some(frame) = this.frames.pop_front() {
                return Poll::Ready(Some(frame));
            }
            match std::mem::replace(&mut this.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Idle(body) => {
                    // The body may be made of what a file or a store still brings.
                    this.arrival.has_come.store(false, Ordering::Release);
                    let waker = Waker::from(Arc::clone(&this.arrival));
                    let runtime = Handle::current();
                    let work = compute_sized(this.size, move || {
                        let _entered = runtime.enter();
                        piece(body, &waker)
                    });
                    this.state = State::Working(Box::pin(work));
                }
                State::Working(mut work) => match work.as_mut().poll(context) {
                    Poll::Pending => {
                        this.state = State::Working(work);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(panicked)) => {
                        return Poll::Ready(Some(Err(axum::Error::new(panicked))));
                    }
                    Poll::Ready(Ok(piece)) => {
                        this.frames = piece.frames;
                        this.state = piece.rest.map_or(State::Over, State::Idle);
                        let has_come = this.arrival.has_come.load(Ordering::Acquire);
                        if piece.waits && this.frames.is_empty() && !has_come {
                            return Poll::Pending;
                        }
                    }
                },
            }
        }
    }
}

/// Makes the next piece of a body.
fn piece(mut body: Body, waker: &Waker) -> Piece {
    let mut context = Context::from_waker(waker);
    let mut frames = VecDeque::new();
    let mut made = 0;
    let mut waits = false;
    while made < PIECE {
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                made += frame.data_ref().map_or(0, Bytes::len);
                frames.push_back(Ok(frame));
            }
            Poll::Ready(last) => {
                frames.extend(last);
                return Piece {
                    frames,
                    rest: None,
                    waits,
                };
            }
            Poll::Pending => {
                waits = true;
                break;
            }
        }
    }
    Piece {
        frames,
        rest: Some(body),
        waits,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::{
        io::Read,
        sync::{Mutex, mpsc},
        thread,
        time::Duration,
    };

    use axum::{body::to_bytes, extract::Request, routing::get};
    use flate2::read::GzDecoder;
    use futures::{StreamExt, stream};
    use hyper::{body::SizeHint, service::Service};
    use hyper_util::service::TowerToHyperService;

    use super::*;

    /// A body that says which threads read it.
    struct Watched {
        body: Body,
        threads: mpsc::Sender<String>,
    }

    impl HttpBody for Watched {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            let thread = thread::current().name().unwrap_or_default().to_owned();
            self.threads.send(thread).unwrap();
            Pin::new(&mut self.body).poll_frame(context)
        }

        fn size_hint(&self) -> SizeHint {
            self.body.size_hint()
        }
    }

    /// Sends a body through the layers as text; what comes of it, and the threads that read it.
    async fn sent(body: Body) -> (Vec<u8>, Vec<String>) {
        let (sender, threads) = mpsc::channel();
        let watched = Body::new(Watched {
            body,
            threads: sender,
        });
        let watched = Arc::new(Mutex::new(Some(watched)));
        let answer = move || async move {
            let body = watched.lock().unwrap().take().unwrap();
            ([(header::CONTENT_TYPE, "text/plain")], body)
        };
        let settings = CompressionSettings {
            mime_types: Vec::new(),
            min_response_bytes: 1_024,
        };
        let routes = compressed(Router::new().route("/", get(answer)), &settings);
        let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
        let request = request.body(Body::empty()).unwrap();
        let service = TowerToHyperService::new(routes);
        let response = service.call(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(response.extensions().get::<Long>().is_none());
        let compressed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut text = Vec::new();
        GzDecoder::new(&*compressed).read_to_end(&mut text).unwrap();
        let mut threads: Vec<String> = threads.iter().collect();
        threads.dedup();
        (text, threads)
    }

    /// What comes between the look at a body and the end of the work on its piece.
    #[tokio::test]
    async fn an_answer_goes_on_when_more_of_it_comes_before_its_piece_is_handed_over() {
        let mut rest: VecDeque<Vec<u8>> =
            text(200_000).chunks(20_000).map(<[u8]>::to_vec).collect();
        let mut looked = false;
        let arriving = stream::poll_fn(move |context| {
            looked = !looked;
            if looked && !rest.is_empty() {
                context.waker().wake_by_ref();
                // The task is woken and looks for the piece, which is handed over later.
                thread::park_timeout(Duration::from_millis(5));
                return Poll::Pending;
            }
            Poll::Ready(rest.pop_front().map(Ok::<_, axum::Error>))
        });
        let (sent, threads) = sent(Body::from_stream(arriving)).await;
        assert_eq!(sent, text(200_000));
        assert_eq!(threads, ["compute"]);
    }

    /// A text that does not shrink to nothing.
    fn text(length: usize) -> Vec<u8> {
        let digits = (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes());
        digits.take(length).collect()
    }

    #[tokio::test]
    async fn long_answers_are_compressed_on_threads_for_computing_and_arrive_whole() {
        let here = thread::current().name().unwrap_or_default().to_owned();
        let in_place = COMPRESSED_IN_PLACE as usize;
        for (length, on) in [
            (in_place, here.as_str()),
            (in_place + 1, "compute-short"),
            (1 << 20, "compute"),
        ] {
            let (whole, threads) = sent(Body::from(text(length))).await;
            assert_eq!(whole, text(length));
            assert_eq!(threads, [on], "{length} bytes");
        }
    }

    #[tokio::test]
    async fn an_answer_that_comes_bit_by_bit_is_compressed_as_it_comes() {
        let whole = text(300_000);
        let parts: Vec<Vec<u8>> = whole.chunks(10_000).map(<[u8]>::to_vec).collect();
        // A timer belongs to the runtime of whoever waits for it.
        let arriving = stream::iter(parts).then(async |part| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, axum::Error>(part)
        });
        let (sent, threads) = sent(Body::from_stream(Box::pin(arriving))).await;
        assert_eq!(sent, whole);
        assert_eq!(threads, ["compute"]);
    }
}

//! HTTP for the service: a thread of its own that listens on the loopback interface.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming as Received, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::answer::Answer;
use super::service::{Incoming, Service};

/// Largest body of a request, in bytes.
const LARGEST: usize = 1 << 20;

/// A listening server; dropping it closes it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes any that is free.
    ///
    /// # Errors
    /// The port is taken or not ours to take.
    pub(super) fn start(
        port: u16,
        delay: Duration,
        service: Arc<Mutex<Service>>,
    ) -> io::Result<Self> {
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot listen on 127.0.0.1:{port}: {error}"),
                )
            })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("sandbox".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, delay, service) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only if the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, delay: Duration, service: Arc<Mutex<Service>>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others must be closed first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Without it an answer in two packets waits for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request| serve(request, delay, Arc::clone(&service)));
            // A connection that breaks is the client's affair, or our own doing.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn serve(
    request: hyper::Request<Received>,
    delay: Duration,
    service: Arc<Mutex<Service>>,
) -> Result<hyper::Response<Sent>, Infallible> {
    let (head, body) = request.into_parts();
    let header = |name| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        let mut response = hyper::Response::new(Sent::whole(Bytes::from_static(b"")));
        *response.status_mut() = hyper::StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(response);
    };
    let incoming = Incoming {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        content_type: header(CONTENT_TYPE),
        authorization: header(AUTHORIZATION),
        body: body.to_bytes().to_vec(),
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let (answer, now) = {
        let mut service = service.lock().unwrap_or_else(PoisonError::into_inner);
        (service.answer(&incoming), service.now())
    };
    Ok(response(answer, now))
}

fn response(answer: Answer, now: Timestamp) -> hyper::Response<Sent> {
    let mut builder = hyper::Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, answer.kind)
        // Clients count days and quota by the server's clock.
        .header(DATE, now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        // By this a client knows that the posts never were.
        .header("x-cotag-sandbox", "1");
    if let Some(seconds) = answer.retry_after {
        builder = builder.header(RETRY_AFTER, seconds);
    }
    let body = Bytes::from(answer.body);
    let sent = if answer.broken {
        Sent::broken(&body)
    } else {
        Sent::whole(body)
    };
    builder
        .body(sent)
        .unwrap_or_else(|_| hyper::Response::new(Sent::whole(Bytes::new())))
}

/// A body that is sent whole, or promised whole and broken off in the middle.
struct Sent {
    promised: u64,
    left: Option<Bytes>,
    end: End,
}

enum End {
    Whole,
    /// Half is to be sent, then one turn waited so that it leaves, then the connection broken.
    Broken {
        waited: bool,
    },
}

impl Sent {
    fn whole(body: Bytes) -> Self {
        Self {
            promised: body.len() as u64,
            left: Some(body),
            end: End::Whole,
        }
    }

    fn broken(body: &Bytes) -> Self {
        Self {
            promised: body.len() as u64,
            left: Some(body.slice(..body.len() / 2)),
            end: End::Broken { waited: false },
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.left.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.end {
            End::Whole => Poll::Ready(None),
            End::Broken { waited: true } => {
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
            End::Broken { waited } => {
                *waited = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.end, End::Whole) && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

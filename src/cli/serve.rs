//! `guichet serve`: only the web side, from a public/ folder. Needs no configuration when the folder
//! is named, so that a mirror is a copied folder and this program.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::Ended;
use super::args::Serve;
use super::context::{Failure, Opened, Start, runtime};
use super::output::Out;
use crate::daemon::exit::Exit;
use crate::daemon::shutdown;
use crate::serve::{self, MetricsOptions, ServeOptions};

/// Where to listen when nothing says otherwise: a reverse proxy stands before it.
const LISTEN: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8310);

pub(super) fn run(start: &Start, args: &Serve) -> Ended {
    let opened = match &args.public {
        Some(public) if !public.is_dir() => {
            return Err(Failure::failed(format!(
                "there is no folder {}: name a public/ or a copy of one",
                public.display()
            )));
        }
        Some(_) => start.open_if_any()?,
        None => Some(start.open()?),
    };
    let options = options(start, args, opened.as_ref());
    let listen = args.listen.or_else(|| opened.as_ref().map(|o| o.config.serve.listen)).unwrap_or(LISTEN);
    runtime()?.block_on(async move {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::failed(format!("cannot listen on {listen}: {error}; name another address with --listen, or end the program that holds it"))
        })?;
        let address = listener.local_addr().unwrap_or(listen);
        say(&format!("serving {} on http://{address}/", options.public.display()))?;
        let signals = shutdown::signals().map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
        let (handle, stop) = shutdown::stop();
        tokio::spawn(shutdown::obey(signals, shutdown::DRAIN, handle));
        let asked = stop.clone();
        tokio::select! {
            ended = serve::run(listener, serve::router(options), async move { asked.asked().await }) => {
                ended.map(|()| Exit::Done).map_err(|error| Failure::failed(format!("the web side on {address} has stopped: {error}")))
            }
            // A second signal: connections are dropped, nothing is lost.
            () = stop.now() => Ok(Exit::Done),
        }
    })
}

fn options(start: &Start, args: &Serve, opened: Option<&Opened>) -> ServeOptions {
    let clock = start.clock;
    let public = match (&args.public, opened) {
        (Some(public), _) => public.clone(),
        (None, Some(opened)) => opened.config.public_dir(),
        (None, None) => "public".into(),
    };
    let mut options = ServeOptions::new(public, Arc::new(move || clock.now()));
    if let Some(config) = opened.map(|o| &o.config) {
        options.base_url = config.publish.base_url.as_ref().map(|u| u.as_str().trim_end_matches('/').to_owned());
        options.trusted_proxies = config.serve.trusted_proxies.clone();
        options.metrics = MetricsOptions { allow: config.serve.metrics_from.clone(), extra: None };
    }
    options
}

/// A line on stdout at once: whoever started this on port 0 waits for it.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = Out::stdout(false);
    out.line(text)?;
    out.finish()?;
    Ok(())
}

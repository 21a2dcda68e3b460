//! A small keep-alive client, so that the driver costs little on a machine of two cores.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Connection {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Connection {
    pub async fn open(address: &str, token: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let authorization = if token.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {token}\r\n")
        };
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\n{authorization}content-type: application/json\r\n\
             accept: application/json\r\ncontent-length: "
        );
        Ok(Self {
            stream,
            head,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends one request and returns the body of the answer.
    pub async fn post(&mut self, body: &str) -> Result<String, Failure> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| format!("no content-length in: {head}"))?;
        while self.buffer.len() < head_end + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        Ok(String::from_utf8_lossy(&self.buffer[head_end..head_end + length]).into_owned())
    }
}

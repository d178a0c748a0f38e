//! A loopback site that behaves as TikTok's pages do, and misbehaves on request: what a page does is told
//! by the name in its address.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// Posts of a page, unless it says otherwise.
pub(crate) const POSTS: u64 = 150;
/// Posts that stand in the page itself; the list begins behind them.
const EMBEDDED: u64 = 6;
const PER_ANSWER: u64 = 30;

/// The site; ends with the process.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) port: u16,
    requests: Arc<AtomicU64>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, asked) = (
            Arc::<AtomicU64>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let site = Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            requests: Arc::clone(&requests),
            asked: Arc::clone(&asked),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, asked) = (Arc::clone(&requests), Arc::clone(&asked));
                std::thread::spawn(move || {
                    let _ = serve(&stream, port, &requests, &asked);
                });
            }
        });
        site
    }

    /// Paths asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How many lists were asked for.
    pub(crate) fn lists(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The id of a page's numbered post.
pub(crate) fn id(name: &str, number: u64) -> u64 {
    let of_name = name
        .bytes()
        .fold(7u64, |sum, byte| (sum * 31 + u64::from(byte)) % 9973);
    7_300_000_000_000_000_001 + of_name * 1_000_000_000 + number * 7
}

/// The ids of a page's first posts.
pub(crate) fn ids(name: &str, posts: u64) -> BTreeSet<u64> {
    (0..posts).map(|number| id(name, number)).collect()
}

fn item(name: &str, number: u64) -> Value {
    let tag = name;
    json!({
        "id": id(name, number).to_string(),
        "desc": format!("post {number} #{tag} 東京 😀"),
        "createTime": 1_700_000_000 + number,
        "author": {"id": "1", "uniqueId": if name == "anna" { "anna".into() } else { format!("user{}", number % 7) }},
        "stats": {"playCount": number, "diggCount": 1, "commentCount": 0, "shareCount": 0},
        "textExtra": [{"hashtagName": tag, "type": 1, "start": 0, "end": 1}],
        "challenges": [{"id": "9", "title": tag}, {"id": "8", "title": "fyp"}],
    })
}

fn serve(
    stream: &TcpStream,
    port: u16,
    lists: &AtomicU64,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
    asked.lock().unwrap().push(target.clone());
    let url = url::Url::parse(&format!("http://a{target}")).unwrap();
    let query = |key: &str| {
        url.query_pairs()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.into_owned())
    };
    let path: Vec<&str> = url
        .path_segments()
        .unwrap()
        .filter(|part| !part.is_empty())
        .collect();
    match path.as_slice() {
        ["tag", name] => page(stream, name, "challenge", port),
        ["search"] => page(stream, &query("q").unwrap_or_default(), "search", port),
        ["login"] => html(stream, 200, "<p>please log in</p>"),
        ["huge"] => huge(stream, 90 << 20),
        ["file"] => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
                        Content-Disposition: attachment; filename=\"../../escaped\"\r\n";
            write!(
                &*stream,
                "{head}Content-Length: 4\r\nConnection: close\r\n\r\nevil"
            )
        }
        ["api", "recommend", "item_list"] => {
            // Beside the list: posts of other hashtags.
            let items: Vec<Value> = (0..20).map(|number| item("elsewhere", number)).collect();
            json_body(
                stream,
                &json!({"statusCode": 0, "itemList": items}).to_string(),
            )
        }
        ["api", "preload", "item_list"] => {
            let items: Vec<Value> = (9000..9010).map(|number| item("london", number)).collect();
            json_body(
                stream,
                &json!({"statusCode": 0, "itemList": items}).to_string(),
            )
        }
        ["api", .., kind] if kind.ends_with("_list") || *kind == "full" => {
            lists.fetch_add(1, Ordering::SeqCst);
            let cursor = query("cursor")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let try_ = query("try").and_then(|text| text.parse().ok()).unwrap_or(0);
            list(
                stream,
                &query("name").unwrap_or_default(),
                cursor,
                try_,
                *kind == "full",
            )
        }
        [user] if user.starts_with('@') => page(stream, &user[1..], "post", port),
        _ => respond(stream, 404, "text/plain", b"nothing"),
    }
}

/// One part of a page's list.
fn list(
    stream: &TcpStream,
    name: &str,
    cursor: u64,
    try_: u64,
    search: bool,
) -> std::io::Result<()> {
    let from = cursor.max(EMBEDDED);
    let mut posts = POSTS;
    match name {
        "emptybody" if cursor > 2 * PER_ANSWER => {
            return respond(stream, 200, "application/json", b"");
        }
        "status" => return json_body(stream, r#"{"statusCode":10101,"statusMsg":"no"}"#),
        "forbidden" => return respond(stream, 403, "text/html", b"<h1>no</h1>"),
        "nothing" => return json_body(stream, r#"{"statusCode":0,"hasMore":false,"cursor":"0"}"#),
        "slow" => std::thread::sleep(Duration::from_millis(400)),
        "broken" if u64::is_multiple_of(try_, 2) => {
            let body = format!(
                "{{\"statusCode\":0,\"itemList\":[{},{{\"id\":\"7",
                item(name, from)
            );
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n";
            return write!(&*stream, "{head}{body}");
        }
        "cut" if cursor == 0 => {
            let body = format!(
                "{{\"statusCode\":0,\"itemList\":[{},{{\"id\":\"7",
                item(name, from)
            );
            return json_body(stream, &body);
        }
        "endless" => posts = u64::MAX,
        "stuck" => {
            let items: Vec<Value> = (0..20).map(|number| item(name, number)).collect();
            let body = json!({"statusCode": 0, "itemList": items, "hasMore": true, "cursor": "0"});
            return json_body(stream, &body.to_string());
        }
        "bombs" => return bomb(stream, cursor),
        "walled" | "solved" if cursor > 2 * PER_ANSWER && name == "walled" => {
            return json_body(stream, "{}");
        }
        _ => {}
    }
    // The last two of the part before come again.
    let first = from.saturating_sub(if cursor > 0 { 2 } else { 0 });
    let last = (from + PER_ANSWER).min(posts);
    let items: Vec<Value> = (first..last).map(|number| item(name, number)).collect();
    let more = last < posts;
    let body = if search {
        let mut data: Vec<Value> = items
            .iter()
            .map(|item| json!({"type": 1, "item": item}))
            .collect();
        data.push(json!({"type": 4, "user_list": []}));
        json!({"status_code": 0, "data": data, "has_more": u8::from(more), "cursor": last})
    } else {
        json!({"statusCode": 0, "itemList": items, "hasMore": more, "cursor": last.to_string()})
    };
    json_body(stream, &body.to_string())
}

/// Answers that are meant to break their reader, then good ones.
fn bomb(stream: &TcpStream, cursor: u64) -> std::io::Result<()> {
    let name = "bombs";
    let body = match cursor {
        0 => {
            let mut post = item(name, 10);
            post["author"]["uniqueId"] = "../../../etc/passwd\u{0}\u{1b}[31m\u{202e}".into();
            post["desc"] = "/../\u{7}\u{1b}]0;title\u{7} #bombs \u{2028}".into();
            post["video"]["id"] = "..\\..\\C:\\x".into();
            json!({"statusCode": 0, "hasMore": true, "cursor": "1", "itemList": [post]}).to_string()
        }
        1 => {
            let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
            format!(
                "{{\"statusCode\":0,\"hasMore\":true,\"cursor\":\"2\",\"itemList\":[{{\"id\":\"7300000000000000099\",\"a\":{deep}}},{}]}}",
                item(name, 11)
            )
        }
        2 => {
            // As large as is still read: one caption after another.
            let mut post = item(name, 12);
            post["desc"] = "x".repeat(20 << 20).into();
            json!({"statusCode": 0, "hasMore": true, "cursor": "3", "itemList": [post, item(name, 13)]}).to_string()
        }
        3 => {
            let many: Vec<String> = (0..5_000)
                .map(|number| format!("{{\"a\":{number}}}"))
                .collect();
            format!(
                "{{\"statusCode\":0,\"hasMore\":true,\"cursor\":\"4\",\"itemList\":[{},{}]}}",
                item(name, 14),
                many.join(",")
            )
        }
        4 => {
            let text = "\\ud800".repeat(1000);
            format!(
                "{{\"statusCode\":0,\"hasMore\":true,\"cursor\":\"5\",\"itemList\":[{{\"id\":\"{}\",\"desc\":\"{text} #bombs\",\"author\":{{\"uniqueId\":\"a\"}},\"createTime\":1700000000,\"textExtra\":[{{\"hashtagName\":\"bombs\"}}]}}]}}",
                id(name, 15)
            )
        }
        _ => {
            json!({"statusCode": 0, "hasMore": false, "cursor": "6", "itemList": [item(name, 16)]})
                .to_string()
        }
    };
    json_body(stream, &body)
}

#[expect(clippy::too_many_lines, reason = "a page's text")]
fn page(stream: &TcpStream, name: &str, kind: &str, port: u16) -> std::io::Result<()> {
    let (api, detail) = match kind {
        "search" => ("/api/search/general/full/", ""),
        "post" => ("/api/post/item_list/", "webapp.user-detail"),
        _ => ("/api/challenge/item_list/", "webapp.challenge-detail"),
    };
    if name == "gone" {
        return html(stream, 404, "<p>nothing here</p>");
    }
    let status = if name == "nosuch" { 10205 } else { 0 };
    let videos = if name == "silent" { 0 } else { 737_000 };
    let scope = json!({"__DEFAULT_SCOPE__": {detail: {"statusCode": status, "challengeInfo": {"stats": {"videoCount": videos}}}}});
    let modules: serde_json::Map<String, Value> = (0..EMBEDDED)
        .map(|number| {
            let mut item = item(name, number);
            // As page states have it.
            item["author"] = item["author"]["uniqueId"].take();
            item["createTime"] = item["createTime"].to_string().into();
            (item["id"].as_str().unwrap().to_owned(), item)
        })
        .collect();
    let embeds = !matches!(
        name,
        "silent" | "nosuch" | "status" | "nothing" | "forbidden"
    );
    let embedded = if embeds && kind != "search" {
        json!({ "ItemModule": modules }).to_string()
    } else {
        "{}".into()
    };
    let first = if kind == "search" { "0" } else { "" };
    let extra = match name {
        "silent" | "nosuch" => "more = false;".to_owned(),
        "walled" => "setInterval(() => { if (cursor > 60) wall(); }, 20);".to_owned(),
        "solved" => "let open = false; setInterval(() => { if (cursor > 60 && !open) { open = true; busy = true; wall(); \
                     setTimeout(() => { document.getElementById('login-modal').remove(); busy = false; load(); }, 2500); } }, 20);".to_owned(),
        "captcha" => "more = false; document.body.innerHTML = '<div class=\"captcha_verify_container\">drag</div>';".to_owned(),
        "tologin" => "setTimeout(() => { location = '/login?redirect=x'; }, 100);".to_owned(),
        "away" => format!("setTimeout(() => {{ location = 'http://localhost:{port}/tag/london'; }}, 100);"),
        "hostile" => format!(
            "onbeforeunload = e => {{ e.preventDefault(); return 'stay'; }};
             setInterval(() => alert('x'.repeat(100000)), 50); setInterval(() => {{ if (!confirm('a')) prompt('b'); }}, 70);
             setInterval(() => open('/tag/london', '_blank'), 60);
             setTimeout(() => {{ try {{ location = 'file:///etc/passwd'; }} catch (e) {{}} }}, 200);
             setInterval(() => {{ const a = document.createElement('a'); a.href = '/file'; a.download = '../../escaped'; a.click(); }}, 300);
             fetch('/api/recommend/item_list/?x=' + 'y'.repeat(30000)); fetch('data:application/json,' + 'z'.repeat(6000000));
             fetch('http://localhost:{port}/api/challenge/item_list/?name=evil&cursor=0').catch(() => 0);
             console.log({{a: 'b'.repeat(1000000)}}); document.querySelector = () => null; JSON.stringify = null;"
        ),
        "huge" => "busy = true; fetch('/huge').then(r => r.text()).catch(() => 0).then(() => { busy = false; load(); });".to_owned(),
        "busy" => "setTimeout(() => { for (;;); }, 2000);".to_owned(),
        _ => "for (const beside of ['recommend', 'preload']) fetch(`/api/${beside}/item_list/`).then(answer => answer.json());".to_owned(),
    };
    let text = format!(
        "<!doctype html><html><head><title>{kind}</title></head><body>\
         <script id=\"SIGI_STATE\" type=\"application/json\">{embedded}</script>\
         <script id=\"__UNIVERSAL_DATA_FOR_REHYDRATION__\" type=\"application/json\">{scope}</script>\
         <div id=\"list\"></div><script>
const name = {name};
let cursor = {first}0, busy = false, more = true, tries = 0;
function wall() {{ if (!document.getElementById('login-modal')) {{ const wall = document.createElement('div'); wall.id = 'login-modal'; \
wall.textContent = 'Log in'; wall.style = 'position:fixed;inset:0;background:white'; document.body.append(wall); }} }}
async function load() {{
  if (busy || !more) return;
  busy = true;
  try {{
    const answer = await fetch(`{api}?name=${{encodeURIComponent(name)}}&cursor=${{cursor}}&try=${{tries++}}&msToken=s3cr3t-token`);
    const data = JSON.parse(await answer.text());
    for (const item of data.itemList || data.data || []) {{
      if (!item.id && !item.item) continue;
      const post = document.createElement('div');
      post.style = 'height:90px'; post.textContent = item.id || 'item'; document.getElementById('list').append(post);
    }}
    if (data.cursor !== undefined) {{ cursor = Number(data.cursor); more = Boolean(data.hasMore || data.has_more); }}
  }} catch (error) {{}}
  busy = false;
}}
const near = () => {{ if (innerHeight + scrollY > document.body.scrollHeight - 500) load(); }};
addEventListener('scroll', near); addEventListener('wheel', near);
{extra}
load();
</script></body></html>",
        name = json!(name),
    );
    html(stream, 200, &text)
}

/// A body without end, as far as its reader is concerned.
fn huge(mut stream: &TcpStream, bytes: usize) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"{\"itemList\":[\"")?;
    let part = vec![b'x'; 1 << 20];
    for _ in 0..bytes >> 20 {
        stream.write_all(&part)?;
    }
    stream.write_all(b"\"]}")
}

fn html(stream: &TcpStream, status: u16, text: &str) -> std::io::Result<()> {
    respond(stream, status, "text/html; charset=utf-8", text.as_bytes())
}

fn json_body(stream: &TcpStream, text: &str) -> std::io::Result<()> {
    respond(stream, 200, "application/json", text.as_bytes())
}

fn respond(mut stream: &TcpStream, status: u16, kind: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

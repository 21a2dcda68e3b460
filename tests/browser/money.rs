//! Deadlines, pools, payments and webhooks in a real browser, wide and at 400 px. Screenshots are left to be looked at.

use super::Browser;
use crate::support::{Place, Server};
use fantoccini::Locator;

/// Whatever is on a page can be read on a telephone without moving it sideways; then as wide as before.
async fn on_a_telephone(browser: &Browser, name: &str) {
    browser.picture(name).await;
    browser.client.set_window_size(400, 1400).await.unwrap();
    browser.picture(&format!("{name}-phone")).await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let beyond = browser.client.execute(wide, Vec::new()).await.unwrap();
    assert_eq!(beyond, 0, "{name} is wider than a telephone");
    browser.client.set_window_size(1280, 1600).await.unwrap();
}

async fn open(browser: &Browser, server: &Server, path: &str) {
    browser.client.goto(&server.url(path)).await.unwrap();
}

/// Fills in the form that has this hidden action, and sends it.
async fn send(browser: &Browser, action: &str, fields: &[(&str, &str)]) {
    let path = format!("//form[input[@name='action' and @value='{action}']]");
    for (name, value) in fields {
        let field = format!("{path}//*[@name='{name}']");
        let field = browser.client.find(Locator::XPath(&field)).await.unwrap();
        field.send_keys(value).await.unwrap();
    }
    let button = format!("{path}//button");
    let button = browser.client.find(Locator::XPath(&button)).await.unwrap();
    button.click().await.unwrap();
}

async fn leave(browser: &Browser) {
    let out = Locator::XPath("//button[contains(., '退出')]");
    let out = browser.client.find(out).await.unwrap();
    out.click().await.unwrap();
    browser.arrives("/login").await;
}

#[tokio::test]
async fn finance_pays_a_batch_and_reads_the_banks_answer() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo", "--now", "2020-06-29T09:00:00+08:00"]);
    let browser = Browser::open().await;
    browser.sign_in(&server, "ins.chen").await;

    open(&browser, &server, "/overdue").await;
    browser.shows("main", "告知书送达").await;
    on_a_telephone(&browser, "overdue").await;

    open(&browser, &server, "/pools").await;
    on_a_telephone(&browser, "pools").await;
    let pool = Locator::Css("tbody th a");
    let pool = browser.client.find(pool).await.unwrap();
    pool.click().await.unwrap();
    browser.shows(".statement", "平").await;
    on_a_telephone(&browser, "pool").await;

    open(&browser, &server, "/payments").await;
    let payer = [
        ("payer_name", "某财险海港支公司(测试)"),
        ("payer_account", "1300000000000001"),
        ("payer_bank", "某银行"),
    ];
    send(&browser, "prepare", &payer).await;
    browser.shows("main", "还没有付款").await;
    let totals = Locator::Css(".totals dd");
    let totals = browser.client.find(totals).await.unwrap();
    let totals = totals.text().await.unwrap();
    let (count, sum) = totals.split_once('笔').unwrap();
    let sum = sum.trim().trim_end_matches('元').trim();
    send(&browser, "instruct", &[("count", count), ("sum", "1.00")]).await;
    browser.shows(".alert", sum).await;
    on_a_telephone(&browser, "payments-differ").await;
    send(&browser, "instruct", &[("count", count), ("sum", sum)]).await;
    // Nobody has asked the register whether they live: each is judged again, and says why not.
    browser.shows(".alert", "没有付款").await;
    browser.shows("tbody", "生存核验已超过…天").await;
    on_a_telephone(&browser, "payments-batch").await;
    open(&browser, &server, "/payments").await;
    on_a_telephone(&browser, "payments").await;
    // One that was instructed before.
    open(&browser, &server, "/claims?status=INSTRUCTED").await;
    let claim = Locator::Css("tbody th a");
    let claim = browser.client.find(claim).await.unwrap();
    claim.click().await.unwrap();
    let number = Locator::XPath("//div[dt='指令号']//span");
    let number = browser.client.wait().for_element(number).await.unwrap();
    let number = number.text().await.unwrap();
    let amount = Locator::XPath("//div[dt='核定赔付']//span");
    let amount = browser.client.find(amount).await.unwrap();
    let amount = amount.text().await.unwrap();
    let amount = amount.trim_end_matches('元').trim().replace(',', "");
    leave(&browser).await;

    // Somebody else reads what the bank says, and posts it.
    browser.sign_in(&server, "ins.chu").await;
    open(&browser, &server, "/payments/files").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("回盘.csv");
    let answer = format!(
        "指令号,金额(元),结果,银行流水号,原因\r\n{number},{amount},成功,B1,\r\nFP130302-2020-99999-1,1.00,成功,B2,\r\n"
    );
    std::fs::write(&file, answer).unwrap();
    on_a_telephone(&browser, "payments-files").await;
    let input = Locator::Css("input[type=file]");
    let input = browser.client.find(input).await.unwrap();
    input.send_keys(&file.display().to_string()).await.unwrap();
    let button = Locator::Css("form.import button");
    let button = browser.client.find(button).await.unwrap();
    button.click().await.unwrap();
    browser.shows(".good", "还没有入账").await;
    on_a_telephone(&browser, "payments-file").await;
    send(&browser, "post", &[("count", "1"), ("sum", &amount)]).await;
    browser.shows(".good", "仍待处理0笔").await;
    on_a_telephone(&browser, "payments-posted").await;
    leave(&browser).await;

    browser.sign_in(&server, "office.qian").await;
    open(&browser, &server, "/pools").await;
    let pool = Locator::Css("tbody th a");
    let pool = browser.client.find(pool).await.unwrap();
    pool.click().await.unwrap();
    browser.shows(".statement", "平").await;
    let top_up = "document.querySelector('#kind').value = 'TOP_UP'";
    browser.client.execute(top_up, Vec::new()).await.unwrap();
    let fund = [
        ("amount", "12,000.50"),
        ("reference", "2020-补-01"),
        ("reason", "补足"),
    ];
    send(&browser, "fund", &fund).await;
    browser.shows(".good", "待另一人确认").await;
    send(&browser, "confirm", &[]).await;
    browser.shows(".alert", "另一人").await;
    on_a_telephone(&browser, "pool-orders").await;
}

#[tokio::test]
async fn an_administrator_sets_up_a_webhook() {
    let place = Place::sqlite();
    let allow = [("FANGPIN_WEBHOOK_ALLOW", "127.0.0.0/8")];
    let server = Server::start_with(&place, &["demo"], &allow);
    let browser = Browser::open().await;
    browser.sign_in(&server, "office.admin").await;
    open(&browser, &server, "/webhooks").await;
    send(&browser, "create", &[("url", "http://10.0.0.7/in")]).await;
    browser.shows(".alert", "地址").await;
    let field = Locator::Css("#url");
    let field = browser.client.find(field).await.unwrap();
    field.clear().await.unwrap();
    send(&browser, "create", &[("url", "http://127.0.0.1:9/in")]).await;
    browser.shows("#secret", "whpk_").await;
    on_a_telephone(&browser, "webhook-key").await;
    open(&browser, &server, "/webhooks").await;
    on_a_telephone(&browser, "webhooks").await;
    let endpoint = Locator::Css("tbody th a");
    let endpoint = browser.client.find(endpoint).await.unwrap();
    endpoint.click().await.unwrap();
    browser.shows("main", "签名密钥").await;
    on_a_telephone(&browser, "webhook").await;
}

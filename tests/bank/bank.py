"""A bank on the other side, for the tests: it reads an order (pain.001) and answers it with a file of its own, whole or
damaged in one way. Only what the standard library has: a bank shares nothing with the product.

Usage: bank.py ORDER.xml ANSWER   writes the answer to standard output; bank.py --answers lists them.
"""

import sys
import xml.etree.ElementTree as ET

NS = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


def order(path):
    root = ET.parse(path).getroot()
    head = root.find("p:CstmrCdtTrfInitn/p:GrpHdr", NS)
    payments = []
    for transfer in root.iterfind(".//p:CdtTrfTxInf", NS):
        payments.append((
            transfer.find("p:PmtId/p:EndToEndId", NS).text,
            transfer.find("p:Amt/p:InstdAmt", NS).text,
        ))
    # A bank refuses an order whose control totals do not agree.
    fen = lambda text: int(text.replace(".", ""))
    assert int(head.find("p:NbOfTxs", NS).text) == len(payments)
    assert fen(head.find("p:CtrlSum", NS).text) == sum(fen(amount) for _, amount in payments)
    return payments


def plus(amount, fen):
    total = int(amount.replace(".", "")) + fen
    return f"{total // 100}.{total % 100:02}"


def result(rows, totals=None):
    """The result list: number, amount, result, reference, reason."""
    lines = ["指令号,金额(元),结果,银行流水号,原因"]
    lines += [",".join(row) for row in rows]
    if totals:
        lines.append(f"合计,{totals[1]},{totals[0]}笔,,")
    return "\r\n".join(lines) + "\r\n"


def camt(entries, count=None, currency="CNY", refs=None):
    """A statement: number, amount, side, status, reason of a return; `refs`: the bank's references, for each entry."""
    ntry = ""
    refs = refs or [f"C{at}" for at in range(1, len(entries) + 1)]
    for (number, amount, side, status, reason), ref in zip(entries, refs):
        back = f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>" if reason else ""
        ntry += (
            f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>'
            f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{ref}</AcctSvcrRef><EndToEndId>{number}</EndToEndId></Refs>{back}</TxDtls></NtryDtls></Ntry>"
        )
    count = len(entries) if count is None else count
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<Stmt><Id>1</Id><TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries></TtlNtries></TxsSummry>{ntry}</Stmt></BkToCstmrStmt></Document>"
    )


def mt940(entries, off=0, refs=None):
    """A statement: number, amount, D or C; `refs`: the bank's references, for each entry."""
    balance = 100_000_000
    refs = refs or [f"M{at}" for at in range(1, len(entries) + 1)]
    text = ":20:1\r\n:25:1300000000000001\r\n:28C:00001/001\r\n:60F:C200624CNY1000000,00\r\n"
    for (number, amount, side), ref in zip(entries, refs):
        fen = int(amount.replace(".", ""))
        balance += -fen if side == "D" else fen
        # A number of ours is longer than the reference of :61:.
        text += f":61:2006240624{side}{amount.replace('.', ',')}NTRFNONREF//{ref}\r\n:86:{number}\r\n"
    balance += off
    return text + f":62F:C200624CNY{balance // 100},{balance % 100:02}\r\n"


def answers(payments):
    (one, amount), (other, second) = payments
    ok = lambda at, number, amount: (number, amount, "成功", f"L{at}", "")
    book = lambda number, amount: (number, amount, "DBIT", "BOOK", "")
    total = plus(amount, int(second.replace(".", "")))
    both = [ok(1, one, amount), ok(2, other, second)]
    return {
        "list": result(both, ("2", total)),
        "list, one failed": result([ok(1, one, amount), (other, second, "失败", "L2", "账户已销户")]),
        "list, one returned": result([ok(1, one, amount), (other, second, "退票", "L2", "户名不符")]),
        "list, one under way": result([ok(1, one, amount), (other, second, "处理中", "", "")]),
        "list, another amount": result([ok(1, one, plus(amount, 1)), ok(2, other, second)]),
        "list, a line twice": result(both + [ok(3, one, amount)]),
        "list, a line lacking": result(both[:1]),
        "list, a number nobody gave": result(both + [ok(3, "FP130302-2020-99999-1", "1.00")]),
        "list, no number": result(both + [ok(3, "12345", "1.00")]),
        "list, a reason with an account": result([ok(1, one, amount), (other, second, "失败", "L2", "账号6228480000000000011不存在")]),
        "list, other totals": result(both, ("2", plus(total, 1))),
        "list, other count": result(both, ("3", total)),
        "list, lines after the totals": result(both, ("2", total)) + ",".join(ok(3, one, amount)) + "\r\n",
        "list, a third of a fen": result([ok(1, one, amount + "3"), ok(2, other, second)]),
        "list, an unknown result": result([(one, amount, "或许", "L1", "")]),
        "list, no amount": result([(one, "", "成功", "L1", "")]),
        "list, no column of results": result(both).replace("结果", "别的"),
        "list in GB 18030": result(both).encode("gb18030"),
        "camt": camt([book(one, amount), book(other, second)]),
        "camt, a return": camt([book(one, amount), (other, second, "CRDT", "BOOK", "AC04")]),
        "camt, pending": camt([book(one, amount), (other, second, "DBIT", "PDNG", "")]),
        "camt, other money": camt([book(one, amount), ("NOTPROVIDED", "8.00", "CRDT", "BOOK", "")]),
        "camt, cut off": camt([book(one, amount), book(other, second)])[:-40],
        "camt, other count": camt([book(one, amount)], count=2),
        "camt, other currency": camt([book(one, amount)], currency="USD"),
        "camt, a bomb": '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + camt([book(one, "&b;")])[38:],
        "mt940": mt940([(one, amount, "D"), (other, second, "D")]),
        "mt940, a return": mt940([(one, amount, "D"), (other, second, "C")]),
        "mt940, does not add up": mt940([(one, amount, "D")], off=1),
        "mt940, cut off": mt940([(one, amount, "D")])[:-30],
        "nothing": "",
        "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    }


if __name__ == "__main__":
    written = answers(order(sys.argv[1]))[sys.argv[2]]
    sys.stdout.buffer.write(written if isinstance(written, bytes) else written.encode())

"""Payesh for analysts in Python: the tables of a hub's API, read whole, page by page.

Needs Python 3.9 or later and nothing else; where pandas is installed, `frame()` gives a DataFrame.

    hub = Payesh("http://127.0.0.1:8080", token)         # or from PAYESH_URL and PAYESH_TOKEN
    for row in hub.rows("kpi-values", kpi="prod.oee", granularity="day", **{"from": "1404-04-01", "to": "1404-05-01"}):
        print(row["label"]["fa"], row["asset"], row["value"], row["status"])
    oee = hub.frame("kpi-values", kpi="prod.oee", granularity="day", date_from="1404-04-01", date_to="1404-05-01")

`date_from` and `date_to` stand for the parameters `from` and `to`, of which the first is a word of Python. A value that
is None is "not known", never 0: look at `status`, `coverage` and `flags` before you add anything up.
"""

import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

_NAMES = {"date_from": "from", "date_to": "to"}
_MOST_WAITS = 10
_NEXT = re.compile('<([^>]+)>; rel="next"')


class Problem(Exception):
    """What the hub refuses, and what to do (RFC 9457). `code`, `errors` and `messages` are as the hub sent them."""

    def __init__(self, status, problem):
        self.status = status
        self.code = problem.get("code", "")
        self.errors = problem.get("errors", [])
        self.messages = problem.get("messages", {})
        super().__init__(problem.get("detail") or problem.get("title") or "HTTP %s" % status)


class Payesh:
    """A hub, asked with one token. `language` is that of problems: en or fa."""

    def __init__(self, url=None, token=None, timeout=60, language="en"):
        self.url = (url or os.environ["PAYESH_URL"]).rstrip("/")
        self._token = token or os.environ["PAYESH_TOKEN"]
        self._timeout = timeout
        self._language = language
        self._seen = {}

    def get(self, path, **parameters):
        """The whole answer of one request, as JSON. What has not changed since it was asked last is not sent again."""
        url = self._address(path, parameters)
        etag, answer = self._seen.get(url, (None, None))
        response = self._open(url, {"If-None-Match": etag} if etag else {})
        if response is None:
            return answer
        with response:
            answer = json.load(response)
            if response.headers.get("ETag"):
                self._seen = {url: (response.headers["ETag"], answer)}
        return answer

    def rows(self, path, **parameters):
        """Every row, over all pages, one after the other."""
        url = self._address(path, parameters)
        while url:
            with self._open(url) as response:
                answer = json.load(response)
                following = _NEXT.match(response.headers.get("Link") or "")
            yield from answer["data"]
            url = following and self.url + following[1]

    def save(self, path, file, **parameters):
        """Writes a table to a file; its ending says the format: csv, ndjson, xlsx or parquet."""
        parameters.setdefault("format", os.path.splitext(file)[1].lstrip("."))
        with self._open(self._address(path, parameters)) as response, open(file, "wb") as out:
            while True:
                part = response.read(1 << 16)
                if not part:
                    return file
                out.write(part)

    def frame(self, path, **parameters):
        """All rows as a pandas DataFrame: names in both languages apart, times as UTC timestamps."""
        import pandas

        table = pandas.json_normalize(list(self.rows(path, **parameters)), sep="_")
        for name in ("start", "end", "time", "at", "computed_at"):
            if name in table:
                table[name] = pandas.to_datetime(table[name], utc=True)
        return table

    def export(self, wait=600, **request):
        """What is too large for one answer: asks for an export and waits for it. Returns the job with its files' URLs."""
        body = json.dumps(request).encode()
        with self._open(self.url + "/api/v1/exports", {"Content-Type": "application/json"}, body) as response:
            job = json.load(response)
        until = time.monotonic() + wait
        while job["state"] in ("queued", "running"):
            if time.monotonic() > until:
                raise TimeoutError("export %s is not done after %s s" % (job["id"], wait))
            time.sleep(0.5)
            job = self.get("exports/" + job["id"])
        if job["state"] != "done":
            raise Problem(409, {"code": "export-" + job["state"], "detail": job["error"]})
        return job

    def _address(self, path, parameters):
        asked = {_NAMES.get(name, name): _text(value) for name, value in parameters.items() if value is not None}
        base = self.url + ("" if path.startswith("/") else "/api/v1/") + path
        return base + ("?" + urllib.parse.urlencode(asked) if asked else "")

    def _open(self, url, headers=None, body=None):
        """The response; None where nothing has changed. Waits where the hub says that it was asked too often."""
        sent = {
            "Authorization": "Bearer " + self._token,
            "Accept-Language": self._language,
            **(headers or {}),
        }
        for waits in range(_MOST_WAITS + 1):
            try:
                request = urllib.request.Request(url, data=body, headers=sent)
                return urllib.request.urlopen(request, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == 304:
                        return None
                    if error.code in (429, 503) and body is None and waits < _MOST_WAITS:
                        time.sleep(min(60, float(error.headers.get("Retry-After") or 5)))
                        continue
                    raise Problem(error.code, _problem(error)) from None
        raise AssertionError("the last turn returns or raises")


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _problem(error):
    try:
        return json.load(error)
    except ValueError:
        return {"title": error.reason}

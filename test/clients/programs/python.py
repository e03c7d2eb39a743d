"""Sends metrics with an HTTP client of Python, see driver_test.go.

The argument names the client.
"""

import asyncio
import http.client
import platform
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit


def use_requests():
    import requests

    session = requests.Session()
    return requests.__version__, lambda url, body: session.post(url, data=body).status_code


def use_httpx():
    import httpx

    client = httpx.Client(trust_env=False)
    return httpx.__version__, lambda url, body: client.post(url, content=body).status_code


def use_httpx_over_http2():
    import httpx

    # Without TLS it has to know that the server speaks HTTP/2.
    clients = {
        "https": httpx.Client(trust_env=False, http2=True, verify=False),
        "http": httpx.Client(trust_env=False, http1=False, http2=True),
    }

    def post(url, body):
        response = clients[urlsplit(url).scheme].post(url, content=body)
        if response.http_version != "HTTP/2":
            raise ValueError(response.http_version)
        return response.status_code

    return httpx.__version__, post


def use_urllib3():
    import urllib3

    pool = urllib3.PoolManager()
    return urllib3.__version__, lambda url, body: pool.request("POST", url, body=body).status


def use_urllib():
    def post(url, body):
        try:
            with urllib.request.urlopen(url, data=body) as response:
                response.read()
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    return platform.python_version(), post


def use_http_client():
    connections = {}

    def post(url, body):
        parts = urlsplit(url)
        connection = connections.setdefault(parts.netloc, http.client.HTTPConnection(parts.netloc))
        try:
            connection.request("POST", parts.path, body)
            response = connection.getresponse()
            response.read()
            return response.status
        except OSError:
            connection.close()  # the next request connects again
            raise

    return platform.python_version(), post


async def serve_aiohttp():
    import aiohttp

    print("ready", aiohttp.__version__, flush=True)
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:

        async def post(url, body):
            async with session.post(url, data=body) as response:
                await response.read()
                return response.status

        while line := await loop.run_in_executor(None, sys.stdin.readline):
            url, body = parse(line)
            start = time.perf_counter()
            try:
                report(await post(url, body), start)
            except Exception as error:
                report_error(error)


def parse(line):
    url, size = line.split()
    return url, b"x" * int(size) or b'{"value": 1}'


def report(status, start):
    print(status, (time.perf_counter() - start) * 1000, flush=True)


def report_error(error):
    print("error", repr(error).replace("\n", " "), flush=True)


def serve(version, post):
    print("ready", version, flush=True)
    for line in iter(sys.stdin.readline, ""):
        url, body = parse(line)
        start = time.perf_counter()
        try:
            report(post(url, body), start)
        except Exception as error:
            report_error(error)


if sys.argv[1] == "aiohttp":
    asyncio.run(serve_aiohttp())
else:
    serve(*{
        "requests": use_requests,
        "httpx": use_httpx,
        "httpx over HTTP/2": use_httpx_over_http2,
        "urllib3": use_urllib3,
        "urllib": use_urllib,
        "http.client": use_http_client,
    }[sys.argv[1]]())

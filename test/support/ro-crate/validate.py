"""Validates a crate against a profile without a network: python validate.py CRATE PROFILE

The contexts are those of contexts.json, which has the terms that the product writes and no others, so that another one is an error.
Ends with 1 and a line for each issue.
"""

import email.message
import io
import json
import pathlib
import sys
import urllib.response

import rdflib.parser
import requests.adapters
import urllib3
from rocrate_validator import models, services

contexts = json.loads((pathlib.Path(__file__).parent / "contexts.json").read_text())


def send(_, request, **__):
    response = requests.Response()
    # It looks for pages of its profiles, too, and needs none.
    response.status_code = 200 if request.url in contexts else 404
    response.url = request.url
    response.request = request
    response.headers["Content-Type"] = "application/ld+json"
    text = json.dumps(contexts.get(request.url)).encode()
    response.raw = urllib3.HTTPResponse(io.BytesIO(text), preload_content=False, request_url=request.url)
    return response


def opened(request):
    headers = email.message.Message()
    headers["Content-Type"] = "application/ld+json"
    text = json.dumps(contexts[request.full_url]).encode()
    return urllib.response.addinfourl(io.BytesIO(text), headers, request.full_url, 200)


requests.adapters.HTTPAdapter.send = send
rdflib.parser._urlopen = opened

crate, profile = sys.argv[1:]
settings = {
    "rocrate_uri": crate,
    "profile_identifier": profile,
    "requirement_severity": models.Severity.REQUIRED,
    "abort_on_first": False,
    "no_cache": True,
}
issues = services.validate(models.ValidationSettings(**settings)).get_issues()
for issue in issues:
    print(f"{issue.check.identifier}: {issue.message} ({issue.violatingEntity})")
sys.exit(1 if issues else 0)

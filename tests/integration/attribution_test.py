"""Who is billed: sources and their order, required dimensions, the three policies, and what a key binds."""

import json

from support.case import GatewayCase
from support.http1 import call


class Defaults(GatewayCase):
    overrides = {"attribution": {"required": ["team", "feature", "environment"], "missing": "default",
                                 "allowed": {"environment": ["prod", "staging", "dev"]}}}

    def send(self, headers=None, extra=None):
        body = {"model": "gpt-mock", "messages": [], **(extra or {})}
        return call(self.gateway.port, "POST", "/v1/chat/completions", body, headers or {})

    def row(self, headers=None, extra=None):
        response = self.send(headers, extra)
        self.assertEqual(response.status, 200, response.body)
        return self.row_of(response)

    def test_defaults_fill_in(self):
        row = self.row()
        self.assertEqual((row["team"], row["feature"], row["environment"]), ("unassigned", "unassigned", "dev"))

    def test_own_headers(self):
        row = self.row({"x-tollgate-team": "search", "x-tollgate-feature": "rank", "x-tollgate-env": "prod",
                        "x-tollgate-user": "u1", "x-tollgate-tags": "release=42, cohort=b"})
        self.assertEqual((row["team"], row["feature"], row["environment"], row["user_id"]), ("search", "rank", "prod", "u1"))
        self.assertEqual(json.loads(row["tags"]), {"cohort": "b", "release": "42"})

    def test_names_of_other_gateways(self):
        cases = [
            ({"x-portkey-metadata": json.dumps({"team": "pk", "_user": "pk-user", "build": "7"})}, {}),
            ({"cf-aig-metadata": json.dumps({"team": "cf", "build": "7"})}, {}),
            ({"Helicone-Property-Team": "he", "Helicone-User-Id": "he-user"}, {}),
            ({}, {"metadata": {"team": "body", "build": "7"}}),
        ]
        for (headers, extra), team in zip(cases, ("pk", "cf", "he", "body")):
            with self.subTest(team):
                self.assertEqual(self.row(headers, extra)["team"], team)

    def test_own_headers_are_stronger(self):
        row = self.row({"x-tollgate-team": "own", "x-portkey-metadata": json.dumps({"team": "pk", "build": "7"})},
                       {"metadata": {"team": "body"}, "user": "body-user"})
        self.assertEqual((row["team"], row["user_id"]), ("own", "body-user"))
        self.assertEqual(json.loads(row["tags"])["build"], "7")

    def test_a_value_outside_the_allowed_list_is_replaced(self):
        self.assertEqual(self.row({"x-tollgate-env": "moon"})["environment"], "dev")


class Reject(GatewayCase):
    overrides = {"attribution": {"required": ["team", "feature"], "missing": "reject", "defaults": None,
                                 "allowed": {"environment": ["prod", "staging", "dev"]}}}

    def test_a_value_outside_the_allowed_list_is_refused(self):
        response = self.gateway.chat(headers={"x-tollgate-env": "moon"})
        self.assertEqual(response.status, 400)
        self.assertIn("staging", response.json()["error"]["message"])

    def test_missing_dimension_is_refused_by_name(self):
        seen = len(self.vendor.requests)
        response = call(self.gateway.port, "POST", "/v1/chat/completions", {"model": "gpt-mock", "messages": []},
                        {"x-tollgate-team": "search"})
        self.assertEqual(response.status, 400)
        self.assertIn("x-tollgate-feature", response.json()["error"]["message"])
        self.assertEqual(response.json()["error"]["code"], "missing_attribution")
        self.assertEqual(len(self.vendor.requests), seen)

    def test_complete_request_passes(self):
        self.assertEqual(self.gateway.chat().status, 200)


class Quarantine(GatewayCase):
    overrides = {"attribution": {"required": ["team"], "missing": "quarantine", "defaults": None}}

    def test_missing_dimension_is_served_and_marked(self):
        response = call(self.gateway.port, "POST", "/v1/chat/completions", {"model": "gpt-mock", "messages": []})
        self.assertEqual(response.status, 200)
        self.assertTrue(self.row_of(response)["quarantined"])

    def test_complete_request_is_not_marked(self):
        self.assertFalse(self.row_of(self.gateway.chat())["quarantined"])


class Cardinality(GatewayCase):
    overrides = {"attribution": {"max_values_per_dimension": 5}}

    def test_surplus_values_fold_into_one(self):
        teams = []
        for i in range(8):
            teams.append(self.row_of(self.gateway.chat(headers={"x-tollgate-team": f"team{i}"}))["team"])
        self.assertEqual(teams[0], "team0")
        self.assertEqual(teams[-1], "_other")
        self.assertLessEqual(len(set(teams)), 6)

-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
-- What is on the ledger: a copy of the own batches and what became of them.
CREATE TABLE batches (
    batch_id       BLOB PRIMARY KEY,
    issuer         TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    block          INTEGER NOT NULL,
    coupons        INTEGER NOT NULL,
    record         TEXT NOT NULL,              -- verbatim: its hash is on the ledger
    claim_id       TEXT NOT NULL DEFAULT ''    -- empty until it is part of a claim
) STRICT;

CREATE INDEX batches_claim ON batches (claim_id, issuer);

CREATE TABLE redemptions (
    redemption_id BLOB PRIMARY KEY,
    batch_id      BLOB NOT NULL REFERENCES batches (batch_id),
    voided        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX redemptions_batch ON redemptions (batch_id);

-- Transactions of redemptions whose outcome is not known yet.
CREATE TABLE attempts (
    transaction_id TEXT PRIMARY KEY,
    issuer         TEXT NOT NULL,
    bytes          BLOB NOT NULL
) STRICT;

CREATE TABLE attempted (
    redemption_id  BLOB NOT NULL,
    transaction_id TEXT NOT NULL REFERENCES attempts (transaction_id) ON DELETE CASCADE,
    PRIMARY KEY (redemption_id, transaction_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempted_transaction ON attempted (transaction_id);

-- Which request voided what, so that a repeat is told from a second void.
CREATE TABLE voids (
    request_id    TEXT PRIMARY KEY,
    redemption_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE claim_requests (
    request_id TEXT PRIMARY KEY,
    issuer     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    claim_id       TEXT NOT NULL UNIQUE,
    request_id     TEXT NOT NULL,              -- empty if only the ledger knows it
    issuer         TEXT NOT NULL,
    salt           BLOB NOT NULL,
    transaction_id TEXT NOT NULL,              -- empty until it is on the ledger
    coupons        INTEGER NOT NULL,
    amounts        TEXT NOT NULL               -- JSON list of amounts
) STRICT;

CREATE INDEX claims_request ON claims (request_id);

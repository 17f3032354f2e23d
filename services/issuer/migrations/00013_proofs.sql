-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Closed frames of purchase proofs: whether their emitter has opened the sales
-- that they came with.
CREATE TABLE proof_frames (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    closed       INTEGER NOT NULL,  -- ledger time, Unix milliseconds
    noticed      INTEGER NOT NULL,  -- Unix milliseconds
    coupons      INTEGER NOT NULL,
    opened       INTEGER NOT NULL,  -- 1 once the sales are here
    judged       INTEGER NOT NULL,  -- 1 once they were compared
    PRIMARY KEY (framework_id, lane, frame)
) STRICT, WITHOUT ROWID;

CREATE INDEX proof_frames_due ON proof_frames (opened) WHERE judged = 0;

-- The sales that emitters have opened.
CREATE TABLE opened_sales (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    sn           INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    salt         BLOB    NOT NULL,
    product      TEXT    NOT NULL,
    invoice      TEXT    NOT NULL,
    PRIMARY KEY (framework_id, lane, sn)
) STRICT, WITHOUT ROWID;

-- Purchase proofs that were redeemed, each with the sale that it was redeemed
-- with.
CREATE TABLE redeemed_proofs (
    framework_id  BLOB    NOT NULL,
    lane          INTEGER NOT NULL,
    sn            INTEGER NOT NULL,
    redemption_id BLOB    NOT NULL,
    frame         INTEGER NOT NULL,
    line          TEXT    NOT NULL,  -- JSON, of the batch record
    retailer      TEXT    NOT NULL,
    invoice       TEXT    NOT NULL,  -- JSON, of the batch record
    judged        INTEGER NOT NULL,  -- 1 once it was compared with its opening
    PRIMARY KEY (framework_id, lane, sn, redemption_id)
) STRICT, WITHOUT ROWID;

-- When the invoices that coupons were redeemed with were paid, Unix milliseconds.
CREATE TABLE payments (
    retailer TEXT    NOT NULL,
    invoice  TEXT    NOT NULL,
    paid_at  INTEGER NOT NULL,
    PRIMARY KEY (retailer, invoice)
) STRICT, WITHOUT ROWID;

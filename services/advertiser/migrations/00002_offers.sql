-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Campaigns that the advertiser emits for, as the ledger has them.
CREATE TABLE campaigns (
    issuer   TEXT    NOT NULL,
    campaign TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    entry    TEXT    NOT NULL,  -- JSON of campaign and state
    PRIMARY KEY (issuer, campaign, version)
) STRICT, WITHOUT ROWID;

-- The advertiser's own mandates, each with its secret.
CREATE TABLE frameworks (
    framework_id BLOB    NOT NULL PRIMARY KEY,
    issuer       TEXT    NOT NULL,
    campaign     TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    framework    TEXT    NOT NULL,  -- JSON
    emitter_key  BLOB    NOT NULL,  -- k_ME, secret
    mandate_mac  BLOB    NOT NULL,
    FOREIGN KEY (issuer, campaign, version) REFERENCES campaigns (issuer, campaign, version)
) STRICT, WITHOUT ROWID;

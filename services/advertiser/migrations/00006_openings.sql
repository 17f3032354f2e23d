-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Which sale each purchase proof was made with: what the proof has of it only in
-- a hash. It is shown to the issuer of the framework alone.
CREATE TABLE openings (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    sn           INTEGER NOT NULL,
    product_tag  BLOB    NOT NULL UNIQUE,  -- of product and campaign version
    product      TEXT    NOT NULL,
    invoice      TEXT    NOT NULL,
    salt         BLOB    NOT NULL,
    PRIMARY KEY (framework_id, lane, sn)
) STRICT, WITHOUT ROWID;

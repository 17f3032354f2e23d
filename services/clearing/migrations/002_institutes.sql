-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
-- Requests to register institutes, so that an id is not used for two.
CREATE TABLE registrations (
    request_id TEXT PRIMARY KEY,
    digest     BLOB NOT NULL       -- SHA-256 of what was asked for
) STRICT, WITHOUT ROWID;

-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- How far the runs after that one, up to another (0 if there is none), are in
-- requests, in the order of the requests' ids: by the first byte, all before one, and
-- this many of that one.
ALTER TABLE indexed ADD COLUMN until  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE indexed ADD COLUMN bucket INTEGER NOT NULL DEFAULT 0;
ALTER TABLE indexed ADD COLUMN within INTEGER NOT NULL DEFAULT 0;

-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Whether this file has all that was ever stored in it: 'whole', or nobody has
-- asked yet: 'new' where it was made, 'restored' where it was made from a copy;
-- or it is a 'copy' that no service works with.
CREATE TABLE origin (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    kind       TEXT    NOT NULL CHECK (kind IN ('new', 'restored', 'whole', 'copy')),
    lanes_from INTEGER            -- what was said when it was restored
) STRICT;

INSERT INTO origin (id, kind) VALUES (1, CASE WHEN EXISTS (SELECT 1 FROM checkpoints) THEN 'whole' ELSE 'new' END);

-- Contracts say why their parts are one and what else may be the same: their encoding is another,
-- and all of them are made again from the observations.
INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE true ON CONFLICT DO UPDATE SET mark=mark+1;
DELETE FROM contract;

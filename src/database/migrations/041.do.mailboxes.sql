-- One mailbox under all the ways to write it. A domain of letters outside ASCII and its A-label form (`xn--...`) are one, so that
-- a suppression, an unsubscribe and a bounce are found by either; and so do broadcasts that send once to an address.

-- A label of a domain after RFC 3492, without the prefix.
CREATE FUNCTION muster_punycode(label text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  digits CONSTANT text := 'abcdefghijklmnopqrstuvwxyz0123456789';
  points CONSTANT integer[] := ARRAY(
    SELECT ascii(letter) FROM string_to_table(label, NULL) WITH ORDINALITY AS letters (letter, place) ORDER BY place);
  total CONSTANT integer := cardinality(points);
  output text := coalesce((SELECT string_agg(chr(point), '' ORDER BY place)
    FROM unnest(points) WITH ORDINALITY AS basic (point, place) WHERE point < 128), '');
  basic CONSTANT integer := length(output);
  handled integer := basic;
  n integer := 128;
  delta bigint := 0;
  bias integer := 72;
  next integer;
  point integer;
  q bigint;
  k integer;
  t integer;
BEGIN
  IF basic > 0 THEN output := output || '-'; END IF;
  WHILE handled < total LOOP
    SELECT min(p) INTO next FROM unnest(points) AS p WHERE p >= n;
    delta := delta + (next - n)::bigint * (handled + 1);
    n := next;
    FOREACH point IN ARRAY points LOOP
      IF point < n THEN delta := delta + 1; END IF;
      CONTINUE WHEN point <> n;
      q := delta;
      k := 36;
      LOOP
        t := CASE WHEN k <= bias THEN 1 WHEN k >= bias + 26 THEN 26 ELSE k - bias END;
        EXIT WHEN q < t;
        output := output || substr(digits, (t + (q - t) % (36 - t))::integer + 1, 1);
        q := (q - t) / (36 - t);
        k := k + 36;
      END LOOP;
      output := output || substr(digits, q::integer + 1, 1);
      delta := CASE WHEN handled = basic THEN delta / 700 ELSE delta / 2 END;
      delta := delta + delta / (handled + 1);
      k := 0;
      WHILE delta > 455 LOOP
        delta := delta / 35;
        k := k + 36;
      END LOOP;
      bias := (k + 36 * delta / (delta + 38))::integer;
      delta := 0;
      handled := handled + 1;
    END LOOP;
    delta := delta + 1;
    n := n + 1;
  END LOOP;
  RETURN output;
END $$;

-- A domain in ASCII: compatibility forms composed, letters small, each label that needs it as an A-label. The small letters
-- are listed, because what `lower` knows of them depends on the collations of the server.
CREATE FUNCTION muster_ascii_domain(domain text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT string_agg(
    CASE WHEN octet_length(label) = length(label) THEN label ELSE 'xn--' || muster_punycode(label) END, '.' ORDER BY place)
  FROM string_to_table(
    lower(translate(normalize(translate(domain, '。．｡', '...'), NFKC),
      'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽƁƂƄƆƇƉƊƋ'
      || 'ƎƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǄǅǇǈǊǋǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǱǲǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎͰ'
      || 'ͲͶͿΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫ'
      || 'ЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦ'
      || 'ԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ',
      'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžɓƃƅɔƈɖɗƌ'
      || 'ǝəɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǆǆǉǉǌǌǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǳǳǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱ'
      || 'ͳͷϳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъы'
      || 'ьэюяѡѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧ'
      || 'ԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ') COLLATE "C"),
    '.') WITH ORDINALITY AS labels (label, place)
$$;

-- An e-mail address as it is compared: outer spaces and ASCII case do not matter, nor how the domain is written. Most are ASCII
-- alone, and cost one comparison of lengths more.
CREATE FUNCTION muster_mailbox(address text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN octet_length(address) = length(address) THEN lower(btrim(address) COLLATE "C")
    -- Longer than any address, and not worth the work.
    WHEN octet_length(address) > 254 OR position('@' IN address) = 0 THEN lower(btrim(address) COLLATE "C")
    ELSE lower(substring(btrim(address) FROM '^(.*@)') COLLATE "C") ||
      coalesce(muster_ascii_domain(substring(btrim(address) FROM '([^@]*)$')), '')
  END
$$;

CREATE OR REPLACE FUNCTION muster_same_identifier(kind text, identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE kind WHEN 'email' THEN muster_mailbox(identifier) ELSE identifier END
$$;

-- Entries that were hashed as they were written. Where only the hash is kept nothing can be done.
UPDATE suppressions s SET hash = muster_identifier_hash(s.workspace_id, 'email', s.identifier)
WHERE s.kind = 'email' AND octet_length(s.identifier) <> length(s.identifier) AND NOT EXISTS (
  SELECT FROM suppressions other WHERE other.workspace_id = s.workspace_id AND other.kind = 'email'
    AND other.hash = muster_identifier_hash(s.workspace_id, 'email', s.identifier));

UPDATE unsubscribes s SET hash = muster_identifier_hash(s.workspace_id, 'email', s.identifier)
WHERE s.kind = 'email' AND octet_length(s.identifier) <> length(s.identifier) AND NOT EXISTS (
  SELECT FROM unsubscribes other WHERE other.workspace_id = s.workspace_id AND other.kind = 'email' AND other.topic = s.topic
    AND other.hash = muster_identifier_hash(s.workspace_id, 'email', s.identifier));

-- Of several people with one address a broadcast sends to one; the others are `duplicate`.
ALTER TABLE broadcast_recipients DROP CONSTRAINT broadcast_recipients_verdict_check, ADD CONSTRAINT broadcast_recipients_verdict_check
  CHECK (verdict IN ('suppressed', 'unreachable', 'capped', 'passed', 'duplicate', 'deferred', 'will_send')) NOT VALID;

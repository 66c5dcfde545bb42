import { createSign } from 'node:crypto';

const topic = 'arn:aws:sns:eu-central-1:123456789012:bounces';
const host = 'https://sns.eu-central-1.amazonaws.com';

/** A message of Amazon SNS that asks to confirm a subscription, signed with a certificate that only tests trust. */
export function snsConfirmation(
  version: '1' | '2' = '2',
  { Signature: forged, ...changes }: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const message: Record<string, string> = {
    Type: 'SubscriptionConfirmation',
    MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
    Token: '2336412f37fb687f5d51e6e2425a8a5a',
    TopicArn: topic,
    Message: 'You have chosen to subscribe to the topic.',
    SubscribeURL: `${host}/?Action=ConfirmSubscription&TopicArn=${topic}&Token=2336412f37fb687f5d51e6e2425a8a5a`,
    Timestamp: '2026-11-30T12:00:00.000Z',
    SignatureVersion: version,
    SigningCertURL: `${host}/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem`,
    ...changes,
  };
  const signed = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const text = signed.map((name) => `${name}\n${message[name] ?? ''}\n`).join('');
  const algorithm = version === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  return { ...message, Signature: forged ?? createSign(algorithm).update(text).sign(key, 'base64') };
}

/** Valid from December 2026 to 2126. */
export const snsCertificate = `-----BEGIN CERTIFICATE-----
MIIDGzCCAgOgAwIBAgIUOXEQD5sIem+SO0Ih6lTsaltf9ukwDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMjAxMDAwOTU0
WhgPMjEyNjExMDcwMDA5NTRaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApLtBmRz0DQLgkbxz8jYc
7X/IqNVFTQsQBpEchA7cnduFG5AD4BghvTDU3CqT10mezCLoEJ3LfRA5RrAbMWXv
0ycsYBUcoSD54I7YwhTkpaUIlDczcOFucHipZjrNCF+l/CP2cg/BwzwcCPZGZWva
lspNwHCTJbH4t8do9yom+bJpetCyVmFweergOSBzGad9+4rzvawh+LIkjxo4MGv6
h0HEewmARQ5pcyFQUrqKqFFsVFR5jCTfJO+SpgZfqGliI27xsZQKGcf4Sws+OJ56
uleSeDfGwBLXCARfcqmSHIWerwoiVkiU06145HW9PzpPJbNJmot3WPcdPFokjZlg
RwIDAQABo1MwUTAdBgNVHQ4EFgQU97csY4g5qPX2lHboyQYk4udwik8wHwYDVR0j
BBgwFoAU97csY4g5qPX2lHboyQYk4udwik8wDwYDVR0TAQH/BAUwAwEB/zANBgkq
hkiG9w0BAQsFAAOCAQEAHCUV+Z3eaQrw8Y5zlo0+D8S39cryaouIeto7wOVhj85G
4oQsYQ9t9B7v8EG1m09+cTJOS9sM5rISqCe5lM2Ew+NzjacD+HfTeIPJQi7xd6Yq
7dtiHLqYe8dl1m0Lx51CVNv46d9D69rUO/sZut5SP8cFtXNKWb1U8D7xJCJONEIE
9c9uyvLANfUok3jm7VSLHX+zcsTySGmJv9RUVR0Lq8IczVaOnCLqExDvU3CGmJJB
KCILQbJxRCNVwJM7w2RLZn1wNC++IXeXqy0j5mTmW0Chqvv2C/3iBYm+YrPX+nfs
tc6e8Bw1CMJsrucVtnhOFbmsba7GYg74e7oQTgBOUw==
-----END CERTIFICATE-----`;

const key = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCku0GZHPQNAuCR
vHPyNhztf8io1UVNCxAGkRyEDtyd24UbkAPgGCG9MNTcKpPXSZ7MIugQnct9EDlG
sBsxZe/TJyxgFRyhIPngjtjCFOSlpQiUNzNw4W5weKlmOs0IX6X8I/ZyD8HDPBwI
9kZla9qWyk3AcJMlsfi3x2j3Kib5sml60LJWYXB56uA5IHMZp337ivO9rCH4siSP
Gjgwa/qHQcR7CYBFDmlzIVBSuoqoUWxUVHmMJN8k75KmBl+oaWIjbvGxlAoZx/hL
Cz44nnq6V5J4N8bAEtcIBF9yqZIchZ6vCiJWSJTTrXjkdb0/Ok8ls0mai3dY9x08
WiSNmWBHAgMBAAECggEABppm9788XSUnYVAfia73m+GKZpId9Aekfc7lSLnbyAwb
ms48CYiOGapSbfza7j9KOT6Q9NGObZXv5dB7VpCSe3FPiw5tllvfCExRjf4OaEFk
RaSs0DKJHcMIb0ueGl7TJXc/krTk/HF1YjqU+c3H9lFnqnYYv+MRaDR7FaU/6LRY
hPrAT9K0TYejw9mTP5ks0FYpPWhkuwBWsu0z0Av4c4PzuUxolFuzUrfMheVBtLrE
72HOw9p0LDGAAUJTXWG6uWE+4UZA7Z1QMvp+/qLYTsOzuT/2cAhjVediAVnv5lZm
1y4p9dymvw2GDLNyu1/QUiMev6sYI+orBVJKONG+6QKBgQDoeTRdskEckvzSMoiM
Sfv9OoMpi93kbfHqHsqPOvmUjn9r+OzSWxyhz62jqcY45FQF8FNdjfhFHyZDKMIQ
Ghw3BkrCWP2kHQhcWkOKjcqQ76BsmI7SeLsLv/YjfyM1D4k1W00AL9AXoVG4/8QS
oKHPIXjXKeWbvn7Z0YZ4MtO+XQKBgQC1Zwd/K61TMnV7Hx4Uf4ZulBvO6gViJQG+
XA0gmkFVKbyrm7p2SvoYF063s5kMSQ9EEtqaORwhUSWTb2WT5YJ2h3Y2T83T02gF
KFslR9WsPeZdCOlmGaf1i898SzwuDaOFJBXlb8pihjx1UpGQOl1HyvuBd8bpcLs3
rPb+l2OG8wKBgQDALVo1zqL23Sf1F+M7nfmbN+Cv2rj/Gkhu0y9+QjGKNlZtyqTz
rHA577XKYxHDfDVdh3NTFobTlVGLGUl8CCmk7yWkDe732SxNNC07f8WiFQXYYDFJ
Gpb9up3ecD6JoaM6oZRBAEWVEz28omrTP0kkMrZzoGX4Xvz8UbJI8TOL3QKBgELk
jlAn5A9k8QuI6we2CvWl6idABuItMVpoCXM3TtY/wNIrZ/QNK/JMTfvR36M3IckB
htkOLEBg8xFOJ9AE9zoMM9xNS2JMd/RG8G1r8vBEFznBeofq+BPFDasQ900oPF9x
ch2cPq5cP9knrIPZ8eHyiRIyAAi/SFp8jsxNOSdfAoGAWB+WhrhMZLJM03FMg6/e
ml830krQOvGw0CyDhbNsPltnEMWkNRYPT0nfmlmVDCvktKr4KIO1X3Hs9ab6FysQ
3RLSdWJSKOZ3a4HwdPYyKuU/PNt8It/tBPJ4CBw5S2DtUBvohU4gvcx++iXOHnZH
ji0FPshnO/5hQehliKGY5cg=
-----END PRIVATE KEY-----`;

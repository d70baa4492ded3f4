package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// Keys sign id tokens and push notifications.
type Keys struct {
	mu   sync.Mutex
	keys []*rsa.PrivateKey // the first one signs, all are published
}

// ProcessKeys returns the keys all simulators of this process share: making an
// RSA key takes longer than most tests.
var ProcessKeys = sync.OnceValue(func() *Keys {
	k := &Keys{}
	k.Rotate()
	return k
})

// Rotate makes a new signing key; the previous one stays published.
func (k *Keys) Rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("make RSA key: " + err.Error()) // only without a random source
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append([]*rsa.PrivateKey{key}, k.keys...)
	if len(k.keys) > 2 {
		k.keys = k.keys[:2]
	}
}

// Sign makes an RS256 token with the signing key's id in its header.
func (k *Keys) Sign(claims jwt.MapClaims) (string, error) {
	k.mu.Lock()
	key := k.keys[0]
	k.mu.Unlock()
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = keyID(&key.PublicKey)
	return t.SignedString(key)
}

// JSONWebKey is one published key.
type JSONWebKey struct {
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// Public returns the published keys, the signing one first.
func (k *Keys) Public() []JSONWebKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]JSONWebKey, len(k.keys))
	for i, key := range k.keys {
		pub := &key.PublicKey
		out[i] = JSONWebKey{
			Kid: keyID(pub), Kty: "RSA", Alg: "RS256", Use: "sig",
			N: base64.RawURLEncoding.EncodeToString(pub.N.Bytes()),
			E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes()),
		}
	}
	return out
}

// find returns the public key of an id, nil when it is not published.
func (k *Keys) find(kid string) *rsa.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if keyID(&key.PublicKey) == kid {
			return &key.PublicKey
		}
	}
	return nil
}

func keyID(pub *rsa.PublicKey) string {
	sum := sha256.Sum256(pub.N.Bytes())
	return hex.EncodeToString(sum[:20])
}

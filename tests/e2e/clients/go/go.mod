module millrace.test/clients

go 1.26.0

require (
	github.com/cloudhut/connect-client v0.0.0-20240122153328-02a3103805d8
	github.com/go-kafka/connect v0.9.0
)

require (
	github.com/go-resty/resty/v2 v2.7.0 // indirect
	golang.org/x/net v0.8.0 // indirect
)

// SPDX-License-Identifier: Apache-2.0

// Package script runs the scripts in testdata: each is a page of the manual that a
// machine reads too.
//
// A script finds opa-ratify on its PATH and may say
//
//	registry [no-referrers-api|tls]
//	                              start a registry; $REGISTRY is its host and port
//	push REPOSITORY:TAG           push a small image to it; $DIGEST is its digest
//	attach TYPE FILE REPOSITORY   attach FILE to the image pushed last, as an artifact of that type
//	mislist                       have the registry list that artifact for the image pushed last, whatever it is about
//	sign [as-stranger] REPOSITORY sign the image pushed last, or the artifact attached after it
//	sign-blob FILE                sign FILE as a workflow of acme/app, FILE.sigstore.json and trusted_root.json
//	trust FILE                    write a trust document for the signers that are no strangers
//	post SOCKET PATH FILE         send FILE to the server on a unix socket and print its answer
//	exit-code CODE PROGRAM ARG... run a program that must end with that code
//	shown-in FILE                 fail unless FILE shows what was printed last
//	make-key KIND FILE            write a private key, "EC-384", "RSA-3072", "Ed25519", and FILE.pub
//	sign-by-key KEY REPOSITORY    have a file of make-key sign the image pushed last
//	make-certificate [expired] SUBJECT NAME
//	                              write a key, NAME.key, and its own certificate, NAME.crt
//	sign-certified jws|cose NAME REPOSITORY
//	                              have that certificate sign the image pushed last
//	trust-keys FILE KEY...        write a trust document for files with public keys
//	sign-by-workflow bundle|tag REPOSITORY
//	                              have a GitHub workflow sign the image pushed last
//	attest TYPE FILE REPOSITORY   have the workflow attest FILE, a predicate, about the image pushed last
//	sigstore                      serve the Sigstore that certifies the workflow to cosign
//	trust-workflow FILE           write a trust document for the workflow
//	post-until REGEXP SOCKET PATH FILE
//	                              post until the answer matches
//	get-until REGEXP SOCKET PATH  likewise with GET; the answer begins with its status
//	expand FILE                   put the values of variables into FILE, for ${NAME}
//	hashivault …, distribution …  a real Vault, a real registry; see hashivaultCommand, distributionCommand
//	alibaba NAME=ID...            be in Alibaba Cloud, with these instances in front of the registry
//	azure VAULT...                be in Azure, with these vaults and registries of any name
//	aws, google                   be in theirs
//	kms, vault, cloud-key ...     make, import, rotate and disable keys there
//	docker-login HOST...          leave a login of somebody who may push there
//	pod-token good|expired|audience|stranger
//	                              give the pod a service account token that is no good, or is again
//	fault ACTION STATUS BODY      have Alibaba Cloud answer an action so
//	asked HOST                    fail unless HOST was asked; with !, if it was
//	not-robbed                    fail unless a host that looks like the cloud's was asked and given nothing
//	make-plugin                   what `make plugin` does
//	make ARGUMENT...              make -s in the root of the repository
//	unpack REFERENCE OS/ARCHITECTURE DIRECTORY
//	                              pull an image into DIRECTORY; $ENTRYPOINT and $RUNAS are its own
//	cluster FILE                  start an API server of Kubernetes; FILE is a kubeconfig
//	apply FILE                    put a resource of Ratify's into it, or with ! remove it
//	status REGEXP KIND NAME       print the status of a resource, once it matches
//	opa-ratify ARGUMENT...        short for exec opa-ratify; likewise notation, cosign2, cosign3
//
// besides what testscript itself knows; $BUNDLES is the folder of that name. Those in
// testdata/interop need the notation command line, those in testdata/interop-cosign the
// cosign command lines of version 2 and 3, those in testdata/interop-vault HashiCorp
// Vault and those in testdata/interop-registry real registries besides; `make` with
// the folder's name builds what it needs and runs them. Those in testdata/image need the
// image, and `make image-test` does.
package script

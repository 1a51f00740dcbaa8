// SPDX-License-Identifier: Apache-2.0

// Program is what the tests put into an image.
package main

func main() {}

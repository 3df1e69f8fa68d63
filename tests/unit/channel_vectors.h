/* SPDX-License-Identifier: MIT */
/* The worked vectors of constants-channel.md, 6.2, as they go in and come out. */
#ifndef DXV_TESTS_CHANNEL_VECTORS_H
#define DXV_TESTS_CHANNEL_VECTORS_H

/* Key 00 01 .. 0f, a software channel; T7 on an adapter with one output, and its session tied to a decode device. */
#define T_CHANNEL UINT64_C(0x1001)
#define T_DEVICE  UINT64_C(0x2002)
#define T_SESSION UINT64_C(0x3003)
#define T_OUTPUT  UINT64_C(0x1122334455667788)

#define T1_IN                                                               \
	"22878804f2f2412677d3c247d75a79b9 db4b110623350a478dcafbc2845154f0" \
	"01100000000000000000000000000000 0000002000000010"
#define T1_OUT                                                              \
	"81b918699ea5018734367026af501aff db4b110623350a478dcafbc2845154f0" \
	"01100000000000000000000000000000"
#define T2_IN                                                               \
	"39b1e39851b1237597dae9e95357cb48 58564550473f6243bf99bfdfcde9ed29" \
	"01100000000000000000001000000000 0300000000000000"
#define T2_OUT                                                              \
	"ccd41bac56187d72f66f8cd2c8f83669 58564550473f6243bf99bfdfcde9ed29" \
	"01100000000000000000001000000000"
#define T2B_IN                                                              \
	"489c60e6db27dec3f82afce2e7ed5557 58564550473f6243bf99bfdfcde9ed29" \
	"011000000000000000000010aaaaaaaa 03000000aaaaaaaa"
#define T3_IN                                                               \
	"608f4df0603cbdaa1ce6b62169027ab1 58564550473f6243bf99bfdfcde9ed29" \
	"01100000000000000100001000000000 0400000000000000"
#define T3_OUT                                                              \
	"2fbf9206cf86510b2e28ff49963978fd 58564550473f6243bf99bfdfcde9ed29" \
	"01100000000000000100001057000780"
#define T3B_OUT                                                             \
	"00000000000000000000000000000000 58564550473f6243bf99bfdfcde9ed29" \
	"01100000000000000000001057000780"
#define T4_IN "84b54ea895c4aa48b94d8bd2d6fbce05 01100000000000000000002000000000"
#define T4_OUT                                                              \
	"7401c129be384d3fa06f0cd7e4407a03 84b54ea895c4aa48b94d8bd2d6fbce05" \
	"01100000000000000000002000000000 0300000000000000"
#define T5_IN "a5181bbcfbb1ab42bd94b5828b4bf7be 01100000000000000100002000000000"
#define T5_OUT                                                              \
	"f17619d5aa4b7137baf2a2c0cb1e00b8 a5181bbcfbb1ab42bd94b5828b4bf7be" \
	"01100000000000000100002000000000 0200000000000000"
#define T7_IN                                                               \
	"a3dc9d834e9be441b053892bd2a11ee7 01100000000000000200002000000000" \
	"02200000000000000330000000000000 0000000000000000"
#define T7_OUT                                                              \
	"2d924aac2f3d3a8c14780254196714a5 a3dc9d834e9be441b053892bd2a11ee7" \
	"01100000000000000200002000000000 02200000000000000330000000000000" \
	"00000000000000008877665544332211"
#define T6_IN                                                               \
	"dbba9b64f4f03946a15b24393fc3abac 01100000000000000300002000000000" \
	"0000000000000000"
#define T6_OUT                                                              \
	"5c9fcd8365a2564653b42dae67a9a269 dbba9b64f4f03946a15b24393fc3abac" \
	"01100000000000000300002057000780 00000000000000000000000000000000"
#define T6B_OUT                                                             \
	"00000000000000000000000000000000 84b54ea895c4aa48b94d8bd2d6fbce05" \
	"01100000000000000000002057000780"

/* The key above, encoded: OAEP with SHA-512 for both hashes, before it is raised to a leaf's exponent. */
#define T8_ENCODED                                                         \
	"000afba8a2a8e95868e0f9f69ad13994b71012eb85799d5afe6a57cb98c48fc8" \
	"8d21142e0c53ccc460593d15e935a9cc95644c2155c8a2fb6bf1c1075c9d8936" \
	"b25813a2426eac4c4511f689cbc9d23e5d5927882e5197163c3a95372d96961e" \
	"a900f98608c583f05ce20e2400cebf8998b8dbf8cb8cd10f62f8ac2b06f6213b" \
	"cd97a45017c508401d375ad0fa856da3dfed20847716755c6b03163aec2d9f43" \
	"ebc2904f6e2cf60d3b7637f656145a2d32a6029fbda96361e1b8090c9712a489" \
	"38e626015064e387f97c2460c20c1bc874d85aeaf249c44c9854058fbed7bd69" \
	"14a9b5a2796dbce8f0ddd18ce5b79738f27115191b60c90c1561a6f291d1a813"

#endif

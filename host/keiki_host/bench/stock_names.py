"""Names that MicroPython has itself: of its builtins and modules, on the ports that the meter runs on.

From what `dir` finds in the unix port and from the stubs of the ports (micropython-esp32-stubs and
micropython-rp2-stubs 1.29, MIT). What the meter calls by such a name may be MicroPython's own.
tests/host/test_firmware_names.py asks the unix port whether any is missing.
"""

STATIC = """
id abs all any chr dir get int len map ord pop pow sep set str sum zip args bool copy dict eval exec find
hash iter join keys list main next open read repr send sort step stop type bytes clear close const count
index items lower print range rfind round split start strip super throw tuple upper value write append
divmod extend format insert locals lstrip object remove rindex rsplit rstrip sorted update values OSError
getattr globals hasattr isalpha isdigit islower isspace isupper popitem replace reverse setattr EOFError
Ellipsis KeyError builtins callable endswith readinto readline to_bytes Exception NameError TypeError
bytearray IndexError SystemExit ValueError from_bytes isinstance issubclass setdefault startswith
ImportError LookupError MemoryError SyntaxError classmethod micropython RuntimeError staticmethod
BaseException GeneratorExit OverflowError StopIteration AssertionError AttributeError ArithmeticError
IndentationError KeyboardInterrupt ZeroDivisionError NotImplementedError
""".split()  # noqa: SIM905 - a table
"""In a .mpy these are a number."""

SHORT = """
e IN RX TX gc io on os pi re ADC ALT CTS DMA EIO GP0 GP1 GP2 GP3 GP4 GP5 GP6 GP7 GP8 GP9 GS8 I2C I2S INT
LED LSB MSB OUT PIO PTR PWM Pin RAW RTC RTS SPI WDT add aes bin buf cos cpu erf exp hex inf irq log low
max md5 min mov nan nop oct off ps1 ps2 put sin sub sys tan tau vfs AUTO GP10 GP11 GP12 GP13 GP14 GP15
GP16 GP17 GP18 GP19 GP20 GP21 GP22 GP26 GP27 GP28 GZIP INT8 LONG MONO Task UART UINT VOID ZLIB _mpy acos
addr argv asin atan blit ceil cosh crc8 dump erfc exit fabs feed fill fmod freq help high idle init json
line load lock log2 math mem8 mkfs mode modf name pack path peek poll poly pull push rect scan seed seek
sha1 sinh sqrt stat tanh tell text time ARRAY EBADF EPERM Flash GPIO0 GPIO1 GPIO2 GPIO3 GPIO4 GPIO5 GPIO6
GPIO7 GPIO8 GPIO9 INT16 INT32 INT64 MVLSB SHORT Timer UINT8 ULONG acosh array asinh atan2 atanh board
chdir cmath crc32 deque dumps errno expm1 flags float floor flush frexp gamma heapq hline input ioctl
ipoll isinf isnan label ldexp loads log10 match mem16 mem32 mkdir mount phase pixel polar reset rmdir
shift sleep slice stall stdin trunc union viper vline BFINT8 BF_LEN BF_POS EACCES EAGAIN EEXIST EINVAL
EISDIR ENODEV ENOENT ENOMEM GPIO10 GPIO11 GPIO12 GPIO13 GPIO14 GPIO15 GPIO16 GPIO17 GPIO18 GPIO19 GPIO20
GPIO21 GPIO22 GPIO23 GPIO24 GPIO25 GPIO26 GPIO27 GPIO28 GPIO29 INV_RX INV_TX IN_LOW IOBase NATIVE POLLIN
RGB565 RingIO STEREO Signal UINT16 UINT32 UINT64 USHORT VfsFat _build active buffer cancel center choice
config decode deinit digest enable encode ep_max filter getcwd getter gmtime invert lgamma locked mktime
modify native random rename scroll search select setter sha256 sizeof stderr stdout struct toggle txdone
umount unlink unpack ALT_I2C ALT_PWM ALT_SIO ALT_SPI ALT_USB BFINT16 BFINT32 BFUINT8 BytesIO ENOBUFS
FLOAT32 FLOAT64 IN_HIGH IRQ_SM0 IRQ_SM1 IRQ_SM2 IRQ_SM3 JOIN_RX JOIN_TX OUT_LOW POLLERR POLLHUP POLLOUT
PULL_UP SoftI2C SoftSPI VfsLfs2 _thread acquire channel collect compile complex decrypt deflate degrees
delattr deleter disable discard duty_ns ellipse encrypt fromhex hashlib heapify heappop hexlify isclose
itf_max listdir machine maxsize modules popleft radians randint readbit release restart rx_fifo statvfs
str_max time_ns timeout tx_fifo uctypes uniform urandom version writeto
""".split()  # noqa: SIM905 - a table
"""Names of at most 7 letters that images have: they cost no heap."""

OTHERS = """
ADCBlock ADCWiPy ADDR_LEN ADDR_PUBLIC ADDR_RANDOM AF_INET AF_INET6 AF_UNIX AIOESPNow ALARM0 ALT_GPCK
ALT_OPEN_DRAIN ALT_PIO0 ALT_PIO1 ALT_UART ANALOG APA106 AP_IF ATTN_0DB ATTN_11DB ATTN_2_5DB ATTN_6DB
AUTH_CHAP AUTH_MAX AUTH_NONE AUTH_OPEN AUTH_OWE AUTH_PAP AUTH_WAPI_PSK AUTH_WEP AUTH_WPA2_ENTERPRISE
AUTH_WPA2_PSK AUTH_WPA2_WPA3_PSK AUTH_WPA3_ENT_192 AUTH_WPA3_EXT_PSK AUTH_WPA3_EXT_PSK_MIXED_MODE
AUTH_WPA3_PSK AUTH_WPA_PSK AUTH_WPA_WPA2_PSK AbstractBlockDev AbstractNIC B1000000 B115200 B1152000
B230400 B460800 B500000 B57600 B576000 B921600 B9600 BANDWIDTH_160 BANDWIDTH_20 BANDWIDTH_40 BANDWIDTH_80
BANDWIDTH_80_80 BFUINT16 BFUINT32 BIG_ENDIAN BLE BOOT BUILTIN_CDC BUILTIN_CDC_MSC BUILTIN_DEFAULT
BUILTIN_MSC BUILTIN_NONE BaseCharacteristic BaseClientCharacteristic BodyStream BufferedCharacteristic
CERT_NONE CERT_OPTIONAL CERT_REQUIRED CLEAR CONFIG CONTROLLER CORE_TEMP CORE_VBAT CORE_VREF
CancelledError Characteristic ClientCharacteristic ClientDescriptor ClientDiscover ClientService Const_T
Counter DAC DEBUG DECREMENT DEEPSLEEP DEEPSLEEP_RESET DELAY DESC DHT11 DHT22 DHTBase DMATimer DOWN
DRIVE_0 DRIVE_1 DRIVE_2 DRIVE_3 DS18X20 DeflateIO Descriptor Device DeviceConnection
DeviceDisconnectedError DeviceTimeout EADDRINUSE EALREADY ECONNABORTED ECONNREFUSED ECONNRESET
EHOSTUNREACH EINPROGRESS ENOTCONN ENOTSUP EOPNOTSUPP ESPNow ESPNowBase ETH_CONNECTED ETH_DISCONNECTED
ETH_GOT_IP ETH_INITIALIZED ETH_STARTED ETH_STOPPED ETIMEDOUT EXT0_WAKE EXT1_WAKE EXT_GPIO0 EXT_GPIO1
EXT_GPIO2 Encoder Event FALLING FLAG_INDICATE FLAG_NOTIFY FLAG_READ FLAG_WRITE FLAG_WRITE_NO_RESPONSE
FrameBuffer FrameBuffer1 GS2_HMSB GS4_HMSB GattError HARD_RESET HEAP_DATA HEAP_EXEC HOLD I2CTarget IDLE
ID_T IF_AP IF_STA IGNORE INCL INCREMENT INV_CTS INV_RTS IOQueue IPPROTO_IP IPPROTO_SEC IPPROTO_TCP
IPPROTO_UDP IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP IRQ_ADDR_MATCH_READ IRQ_ADDR_MATCH_WRITE IRQ_BREAK
IRQ_END_READ IRQ_END_WRITE IRQ_FALLING IRQ_HIGH_LEVEL IRQ_INDEX IRQ_LOW_LEVEL IRQ_MATCH IRQ_MAX IRQ_MIN
IRQ_READ_REQ IRQ_RESET IRQ_RISING IRQ_ROLL_OVER IRQ_ROLL_UNDER IRQ_RX IRQ_RXIDLE IRQ_THRESHOLD0
IRQ_THRESHOLD1 IRQ_TXIDLE IRQ_WRITE_REQ IRQ_ZERO JOIN_NONE KEY_LEN L2CAPChannel L2CAPConnectionError
L2CAPDisconnectedError LAN LITTLE_ENDIAN LOG_DEBUG LOG_ERROR LOG_INFO LOG_NONE LOG_VERBOSE LOG_WARNING
LONGLONG LS Lock LockType Loop MATCH_ROM MAX_DATA_LEN MAX_ENCRYPT_PEER_NUM MAX_TOTAL_PEER_NUM
MBEDTLS_VERSION MODE_11B MODE_11G MODE_11N MODE_CBC MODE_CTR MODE_ECB MODE_LR MODS MONO_HLSB MONO_HMSB
MONO_VLSB MQTTClient MQTTException MSG_DONTROUTE MSG_DONTWAIT MSG_PEEK Man NORMAL NVS NeoPixel
NotImplemented ONE_SHOT OPEN_DRAIN ORDER OUT_HIGH OneWire OneWireError OrderedDict PCNT PERIODIC
PHY_DM9051 PHY_DP83848 PHY_GENERIC PHY_IP101 PHY_KSZ8041 PHY_KSZ8081 PHY_KSZ8851SNL PHY_LAN8670
PHY_LAN8710 PHY_LAN8720 PHY_RTL8201 PHY_W5500 PIN_WAKE PIOASMEmit PIOASMError PM_NONE PM_PERFORMANCE
PM_POWERSAVE PPP PROTOCOL_DEFAULT PROTOCOL_DTLS_CLIENT PROTOCOL_DTLS_SERVER PROTOCOL_LR
PROTOCOL_TLS_CLIENT PROTOCOL_TLS_SERVER PULL_DOWN PULL_HOLD PULSE_MAX PWD PWRON_RESET Partition PinBase
RATE_11M RATE_12M RATE_1M RATE_24M RATE_2M RATE_54M RATE_5M RATE_6M RATE_LORA_250K RATE_LORA_500K RC
RESERVE_MEM REVERSE RISING RMT RTC_WAKE RUNNING Response SDCard SEARCH_ROM SEC_CHAP SEC_DPP SEC_NONE
SEC_OPEN SEC_OWE SEC_PAP SEC_WAPI SEC_WEP SEC_WPA SEC_WPA2 SEC_WPA2_ENT SEC_WPA2_WPA3 SEC_WPA2_WPA3_ENT
SEC_WPA3 SEC_WPA3_ENT SEC_WPA3_ENT_192 SEC_WPA3_EXT_PSK SEC_WPA3_EXT_PSK_MIXED_MODE SEC_WPA_ENT
SEC_WPA_WPA2 SHIFT_LEFT SHIFT_RIGHT SKIP_ROM SLEEP SLEEP_LIGHT SLEEP_MODEM SLEEP_NONE SOCK_DGRAM SOCK_RAW
SOCK_STREAM SOFT_RESET SOL_SOCKET SO_BINDTODEVICE SO_BROADCAST SO_ERROR SO_KEEPALIVE SO_LINGER
SO_REUSEADDR SSLContext STAT_ASSOC_FAIL STAT_BEACON_TIMEOUT STAT_CONNECTING STAT_CONNECT_FAIL STAT_GOT_IP
STAT_HANDSHAKE_TIMEOUT STAT_IDLE STAT_NO_AP_FOUND STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD
STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY STAT_WRONG_PASSWORD STA_IF
ScanResult Server Service SingletonGenerator Socket StateMachine StopAsyncIteration Stream StreamReader
StreamWriter StringIO TCP_NODELAY TCSANOW TIMER_WAKE TOUCHPAD_WAKE TYPE_APP TYPE_DATA TaskQueue
ThreadSafeFlag TimeoutError TouchPad ULONGLONG ULP ULP_WAKE UP USBDevice UUID UnicodeError VREF VfsLfs1
VfsPosix VfsRom ViperTypeError WAKEUP_ALL_LOW WAKEUP_ANY_HIGH WAKE_HIGH WAKE_LOW WDT_RESET WIDTH_10BIT
WIDTH_11BIT WIDTH_12BIT WIDTH_13BIT WIDTH_9BIT WLAN WLANWiPy WLAN_WAKE WL_GPIO0 WL_GPIO1 WL_GPIO2
XFER_FAILED XFER_STALLED XFER_SUCCESS _asyncio _machine _task_queue a2b_base64 accept accept_conn aclose
add_peer add_program addr_hex addr_type addressof adv_data advertise airecv alarm
alloc_emergency_exception_buf allocate_lock antenna appendleft arecv asend asm_pio asm_pio_encode
asm_thumb asm_xtensa asyncio atexit atten auth authenticated available awrite awritestr b2a_base64 bdev
binascii bind bitstream bitstream_channel bitstream_rmt ble ble_irq block bonded bootloader
bootsel_button bpp bytearray_at byteorder bytes_at calcsize call_exception_handler callback cat cb cd
change_daemon characteristic characteristics check_bootsec check_msg client_id client_s clock clock_div
collections commit connect connectable connection content convert_temp copysign core country cp
create_task cryptolib csi_available csi_disable csi_dropped csi_enable csi_read cur_task current_task
datetime deepsleep default_exception_handler del_peer delay delete desc_cfg desc_dev descriptor
descriptors device device_task dht_readinto difference difference_update disable_irq disconnect
disconnected drain drive duty duty_u16 enable_irq encoding encrypted ensure_active enumerate erase_key
errorcode event exc_info exchange_mtu execfile executable exists factorial fileno fill_rect flash_erase
flash_read flash_size flash_user_start flash_write framebuf fromkeys frozenset fs fs_corrupted funcs
gap_advertise gap_connect gap_disconnect gap_pair gap_passkey gap_scan gather
gattc_discover_characteristics gattc_discover_descriptors gattc_discover_services gattc_exchange_mtu
gattc_read gattc_write gatts_indicate gatts_notify gatts_read gatts_register_services gatts_set_buffer
gatts_write get_blob get_ciphers get_daemon_status get_event_loop get_exception_handler get_extra_info
get_i32 get_ident get_next_update get_peer get_peers getaddrinfo getenv getpass getrandbits getvalue gpio
gpio_matrix_in gpio_matrix_out head heap_lock heap_unlock heappush host hostname humidity idf_heap_info
ifconfig ifempty iffull ilistdir implementation in_ indicate indicated inet_ntop inet_pton info
input_choice input_pass install intersection intersection_update ipconfig irecv irq_next irq_prev
is_connected is_set isconnected isdisjoint isenabled isfinite isr issubset issuperset jmp jmppin kbd_intr
keepalive key_size l2cap_accept l2cap_connect libc_ver lightsleep listen listen_s load_binary
load_cert_chain load_secrets load_verify_locations localtime log_error log_info log_level log_warn loop
loop_count ls lw_msg lw_qos lw_retain lw_topic m mac makefile man manufacturer
mark_app_valid_cancel_rollback measure mem_alloc mem_backup mem_current mem_free mem_info mem_peak
mem_total memory memoryview mod_peer mtu mv n namedtuple names new_event_loop newfile noblock not_osre
not_x not_y notified notify null o on_read open_connection opt_level osdebug osr our_mtu out ow pack_ctrl
pack_into pair partition patch pc peer_count peer_mtu peers_table pend_throw phases phy_mode pid pin
pindirs ping pins platform poller port post prev print_exception print_pcbs properties property pswd
publish putenv pwd python_compiler qstr_info queue_read queue_write randrange raw raw_temperature
read_scratch read_temp read_u16 read_uv readblocks readbyte readexactly readfrom readfrom_into
readfrom_mem readfrom_mem_into readlines reconnect recv recvfrom recvinto register register_irq_handler
register_services rel remote_wakeup remove_program request requests reset_cause resp_data reversed rm
rom_ioctl route rpartition rssi run run_forever run_until_complete schedule seen select_rom send_ethernet
send_html sendall sendbreak sendto server server_handshake service services set_blob set_boot
set_callback set_ciphers set_exception_handler set_i32 set_last_will set_native_code_location set_pmk
set_wakeup_period setblocking setraw setsockopt settime settimeout setup setup_conn side sleep_ms
sleep_type sleep_us sock sockaddr socket soft_reset source_freq splitlines ssid ssl ssl_params stack_size
stack_use start_foreground start_new_thread start_server state_machine static_host stats status stream
stream_awrite submit_xfer subscribe symmetric_difference symmetric_difference_update system tcgetattr
tcsetattr temperature termios threshold ticks ticks_add ticks_cpu ticks_diff ticks_ms ticks_us
time_pulse_us timing tls uasyncio unhexlify unique_id unpack_ctrl unpack_from unregister unsetenv
unsubscribe user uuid verify_mode version_info wait wait_closed wait_done wait_for wait_for_ms
wait_io_event wait_msg wake_on_ext0 wake_on_ext1 wake_on_gpio wake_on_touch wake_on_ulp wake_pins
wake_reason walk websocket width word wrap wrap_socket wrap_target write_pulses write_readinto
write_scratch writebit writeblocks writebyte writeto_mem writevto written x x_dec x_not_y y y_dec
""".split()  # noqa: SIM905 - a table
"""All others."""

ARGUMENTS = """
IV a accept_handler ack_n ack_op action address addrsize adv_type af alt amount appearance arg attempts
attr autopull autopush b backlog base baudrate bit_count bits block_dev block_num block_size bond br_edr
branch bssid buffer_size buffering bufsize byte_offset c cachesize capabilities capture choices
chunk_size cl clean_session cls cmd code condition config_parameters configtuple conn_handle
control_xfer_cb coords cs ctrl cts d data datetimetuple default delta desc_strs dest destination diff
disc_type dsc_handle duration duration_ms enable_loop end_handle entry_point ep eventmask exc_tb
exc_traceback exc_type exc_val expr f fbuf fifo_join filter_ns firstbit flag flow fname fsobj func h
handler hard headers heap height hidden high_pri hz i ibuf idle_level ifidx in_base in_buf in_reconnect
in_shiftdir inc_read inc_read_rev inc_write inc_write_rev indicate_data initial instr interface_id
interval_us ip_mask_gateway_dns is_active item jmp_pin key kw kwargs l_rom layout_type le_secure length
length_or_buffer level limited_disc listen_sock lmk load_addr local_time lookahead max_conn_interval_us
max_len mck mem mem_addrsize memaddr method min_conn_interval_us minkeypage miso mitm mod mosi
mount_point mpy ms msg mtime nack namespace nbytes newline notify_data num_symbols obj offset onewire op
open_itf_cb optname out_base out_buf out_init out_shiftdir package package_json_url pagesize palette
param parent parity parse_headers passkey password pcnt peer_addr period period_index period_us phase_a
phase_b phi phy_addr phy_type pin_obj pkt pm pmk polarity priority program program_binary progsize prompt
proto psm pull_thresh pulse_level push_thresh qos queue r rate ratio read_buf readonly readsize
reconnects recursive ref_clk_mode region remaining repeat required reset_cb resolution_hz response result
retain rhs rlist rom rts rx rxbuf s sample_ns scan_duration_ms sck scl sd sda seconds secs sector_no
security self send_update sequence service_id services_definition set_base set_init short_hash shutdown
side_pindir sideset_base sideset_count sideset_init sideset_opt size slot source src start_handle state
stride subtype sync sz t target tick_hz ticks1 ticks2 time_ms timeout_char timeout_ms timeout_us timer_id
topic trigger tx tx_carrier txbuf txpower typ uart_no unit_id url us v value2 value_handle vector verbose
w wake wbits window_us wlist wp write_buf write_no_response ws x1 x2 xfer_cb xlist xr xstep y1 y2 yr
ystep z
""".split()  # noqa: SIM905 - a table
"""Names of arguments only: they matter where an argument is given by its name."""

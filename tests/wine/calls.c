/* msi.dll by wire, for tests/engine/package-tables.ps1: calls.exe PORT connects to this machine and answers each line
   "LETTER NUMBER NUMBER NUMBER TEXT" (UTF-8) by "CODE NUMBER TEXT", where TEXT is UTF-16 in hex digits. */
#include <winsock2.h>
#include <windows.h>
#include <msi.h>
#include <msiquery.h>
#include <stdio.h>
#include <stdlib.h>

static void answer(SOCKET wire, const char *line) {
    static wchar_t wide[4096], text[1 << 17];
    static char out[(1 << 19) + 64];
    unsigned long a = 0, b = 0, c = 0, code = 87;
    DWORD number = 0, i;
    MSIHANDLE handle = 0;
    int at = 2, length;
    sscanf(line + 2, "%lu %lu %lu%n", &a, &b, &c, &at);
    MultiByteToWideChar(CP_UTF8, 0, line + 2 + at + 1, -1, wide, 4096);
    text[0] = 0;
    switch (line[0]) {
    case 'O': code = MsiOpenDatabaseW(wide, (LPCWSTR)(ULONG_PTR)a, &handle); number = handle; break;
    case 'V': code = MsiDatabaseOpenViewW(a, wide, &handle); number = handle; break;
    case 'X': code = MsiViewExecute(a, b); break;
    case 'C': code = MsiViewGetColumnInfo(a, b, &handle); number = handle; break;
    case 'F': code = MsiViewFetch(a, &handle); number = handle; break;
    case 'N': code = MsiRecordGetFieldCount(a); break;
    case 'S': number = c; code = MsiRecordGetStringW(a, b, text, &number); break;
    case 'K': code = MsiCloseHandle(a); break;
    }
    length = sprintf(out, "%lu %lu ", code, number);
    for (i = 0; line[0] == 'S' && !code && i < number; i++) length += sprintf(out + length, "%04X", text[i]);
    out[length++] = '\n';
    send(wire, out, length, 0);
}

int main(int count, char **arguments) {
    static char line[8192];
    struct sockaddr_in place = {AF_INET, htons(count == 2 ? atoi(arguments[1]) : 0)};
    WSADATA data;
    SOCKET wire;
    int length = 0;
    WSAStartup(MAKEWORD(2, 2), &data);
    wire = socket(AF_INET, SOCK_STREAM, 0);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(wire, (struct sockaddr *)&place, sizeof place)) return 2;
    while (length < (int)sizeof line - 1 && recv(wire, line + length, 1, 0) == 1) {
        if (line[length++] != '\n') continue;
        line[length - 1] = 0;
        answer(wire, line);
        length = 0;
    }
    return 0;
}

/* What the installing process of MimSyncDsc does, in C: setup.exe FILE, where FILE is UTF-16 with a BOM and three
   lines: package, log, properties. A product code with LEVEL and STATE behind it in the place of the package configures
   that product (state 2 removes it). An empty package runs the third line as a command line, word for word. The code
   goes to FILE.code as text: a shell sees its low 8 bits only. */
#include <windows.h>
#include <msi.h>
#include <stdio.h>
#include <stdlib.h>

static DWORD run(wchar_t *line) {
    STARTUPINFOW start = {sizeof start};
    PROCESS_INFORMATION child;
    DWORD code = 0;
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &child)) return GetLastError();
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &code);
    return code;
}

static DWORD install(const wchar_t *package, const wchar_t *log, const wchar_t *properties) {
    wchar_t product[40];
    int level, state;
    DWORD code;
    MsiSetInternalUI(INSTALLUILEVEL_NONE, NULL);
    MsiEnableLogW(0x1BDF, log, 0);
    code = swscanf(package, L"%39ls %d %d", product, &level, &state) == 3 && *product == L'{'
        ? MsiConfigureProductExW(product, level, state, properties)
        : MsiInstallProductW(package, properties);
    MsiEnableLogW(0, NULL, 0);
    return code;
}

int wmain(int count, wchar_t **arguments) {
    FILE *file = count == 2 ? _wfopen(arguments[1], L"rb") : NULL;
    wchar_t *text = calloc(1 << 17, sizeof *text), *lines[3], name[MAX_PATH];
    DWORD code;
    int i;
    if (!file || !text) return 2;
    fread(text, sizeof *text, (1 << 17) - 1, file);
    fclose(file);
    lines[0] = text + 1;
    for (i = 1; i < 3; i++) {
        lines[i] = wcschr(lines[i - 1], L'\n');
        if (!lines[i]) return 2;
        *lines[i]++ = 0;
    }
    code = *lines[0] ? install(lines[0], lines[1], lines[2]) : run(lines[2]);
    _snwprintf(name, MAX_PATH, L"%ls.code", arguments[1]);
    file = _wfopen(name, L"wb");
    if (!file) return 2;
    fprintf(file, "%lu", code);
    fclose(file);
    return 0;
}

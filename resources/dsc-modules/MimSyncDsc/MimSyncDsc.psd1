@{
    ModuleVersion = '0.1.0'
    GUID = '7c1f6e0a-3a53-4b0c-9f0d-5c0c7a1f2d61'
    Author = 'mimc'
    CompanyName = 'mimc'
    Copyright = 'MIT License'
    Description = 'DSC resource for the Microsoft Identity Manager 2016 Synchronization Service'
    PowerShellVersion = '5.1'
    FunctionsToExport = @()
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
    DscResourcesToExport = @('MimSyncService')
}
